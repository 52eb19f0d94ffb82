//! A small reader and writer of JSON: enough for settings and answers, so that a connector needs no
//! library.
use std::fmt;
use std::iter::Peekable;
use std::str::CharIndices;

const DEPTH_MAX: usize = 64;

/// A value. Numbers keep their text: 64-bit integers stay exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object, in its order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => {
                members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text)
    }

    /// The string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// The elements of an array; none of anything else.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }
}

/// Writes it, without spaces.
impl fmt::Display for Value {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => to.write_str("null"),
            Value::Bool(is_true) => write!(to, "{is_true}"),
            Value::Number(digits) => to.write_str(digits),
            Value::Text(text) => to.write_str(&quoted(text)),
            Value::Array(items) => {
                to.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(to, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                to.write_str("]")
            }
            Value::Object(members) => {
                to.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(to, "{separator}{}:{value}", quoted(name))?;
                }
                to.write_str("}")
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_text(&mut quoted, text);
    quoted
}

/// Reads a text; what is wrong is said with the byte where it was found.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: text.char_indices().peekable(), depth: 0 };
    let value = reader.value()?;
    reader.space();
    match reader.at.peek() {
        Some((at, _)) => Err(format!("something follows the JSON at byte {at}")),
        None => Ok(value),
    }
}

/// Appends a text as a JSON string, with its quotes.
pub fn write_text(to: &mut String, text: &str) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                to.push_str(&format!("\\u{:04x}", control as u32))
            }
            other => to.push(other),
        }
    }
    to.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: Peekable<CharIndices<'a>>,
    depth: usize,
}

impl Reader<'_> {
    fn position(&mut self) -> usize {
        self.at.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn wrong<T>(&mut self) -> Result<T, String> {
        Err(format!("no JSON at byte {}", self.position()))
    }

    fn space(&mut self) {
        while self.at.next_if(|(_, c)| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
    }

    fn take(&mut self, wanted: char) -> bool {
        self.at.next_if(|(_, c)| *c == wanted).is_some()
    }

    fn value(&mut self) -> Result<Value, String> {
        self.space();
        match self.at.peek().map(|(_, c)| *c) {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => Ok(Value::Text(self.string()?)),
            Some('t') => self.word("true", Value::Bool(true)),
            Some('f') => self.word("false", Value::Bool(false)),
            Some('n') => self.word("null", Value::Null),
            Some('-' | '0'..='9') => self.number(),
            _ => self.wrong(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("the JSON is nested deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        self.at.next();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value, String> {
        let mut members = Vec::new();
        self.space();
        if self.take('}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.take(':') {
                return self.wrong();
            }
            members.push((name, self.value()?));
            self.space();
            if self.take('}') {
                return Ok(Value::Object(members));
            }
            if !self.take(',') {
                return self.wrong();
            }
        }
    }

    fn array(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        self.space();
        if self.take(']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.take(']') {
                return Ok(Value::Array(items));
            }
            if !self.take(',') {
                return self.wrong();
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for character in word.chars() {
            if !self.take(character) {
                return self.wrong();
            }
        }
        Ok(value)
    }

    fn digits(&mut self) -> bool {
        let mut has_any = false;
        while self.at.next_if(|(_, c)| c.is_ascii_digit()).is_some() {
            has_any = true;
        }
        has_any
    }

    fn number(&mut self) -> Result<Value, String> {
        let begin = self.position();
        self.take('-');
        let is_whole = self.take('0') || self.digits();
        let has_fraction = !self.take('.') || self.digits();
        let has_exponent = if self.take('e') || self.take('E') {
            let _ = self.take('+') || self.take('-');
            self.digits()
        } else {
            true
        };
        if !is_whole || !has_fraction || !has_exponent {
            return self.wrong();
        }
        let end = self.position();
        Ok(Value::Number(self.text[begin..end].to_string()))
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.take('"') {
            return self.wrong();
        }
        let mut read = String::new();
        loop {
            match self.at.next().map(|(_, c)| c) {
                Some('"') => return Ok(read),
                Some('\\') => read.push(self.escape()?),
                Some(c) if (c as u32) >= 0x20 => read.push(c),
                _ => return self.wrong(),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        match self.at.next().map(|(_, c)| c) {
            Some(c @ ('"' | '\\' | '/')) => Ok(c),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first).map_or_else(|| self.wrong(), Ok);
                }
                if !self.take('\\') || !self.take('u') {
                    return self.wrong();
                }
                let second = self.hex()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return self.wrong();
                }
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                char::from_u32(code).map_or_else(|| self.wrong(), Ok)
            }
            _ => self.wrong(),
        }
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            match self.at.next().and_then(|(_, c)| c.to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return self.wrong(),
            }
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_read() {
        let value =
            parse(r#" {"a": [1, -2.5e3, "x\u00e4\ud83d\ude00\n"], "b": {"c": true, "d": null}} "#)
                .unwrap();
        let items = value.get("a").unwrap().items();
        assert_eq!(items[0].as_i64(), Some(1));
        assert_eq!(items[1], Value::Number("-2.5e3".into()));
        assert_eq!(items[2].as_text(), Some("xä😀\n"));
        assert_eq!(value.get("b").unwrap().get("c"), Some(&Value::Bool(true)));
        assert_eq!(parse("9223372036854775807").unwrap().as_i64(), Some(i64::MAX));
    }

    #[test]
    fn what_is_not_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "-",
            "1.",
            "1e",
            "\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "tru",
            "nul",
            "1 2",
            "\"\u{1}\"",
            "'a'",
            deep.as_str(),
        ] {
            assert!(parse(text).is_err(), "{text:.20}");
        }
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        for text in [r#"{"a":[1,-2.5e3,"x\"\n"],"b":{"c":true,"d":null}}"#, "[]", "{}", "false"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_text_survives_writing_and_reading() {
        let text = "a\"b\\c\n\u{1}ä😀";
        let mut written = String::new();
        write_text(&mut written, text);
        assert_eq!(parse(&written).unwrap().as_text(), Some(text));
    }
}
