//! Strings across the interface.
use crate::raw::Str;

pub(crate) fn lend(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() as u64 }
}

pub(crate) fn lend_bytes(bytes: &[u8]) -> Str {
    Str { ptr: bytes.as_ptr(), len: bytes.len() as u64 }
}

/// # Safety
/// What `text` points to lives for `'a`.
pub(crate) unsafe fn bytes<'a>(text: Str) -> &'a [u8] {
    if text.len == 0 || text.ptr.is_null() {
        return &[];
    }
    std::slice::from_raw_parts(text.ptr, text.len as usize)
}

/// # Safety
/// `first` points to as many items, which live for `'a`.
pub(crate) unsafe fn list<'a, T>(first: *const T, count: u32) -> &'a [T] {
    if count == 0 || first.is_null() {
        return &[];
    }
    std::slice::from_raw_parts(first, count as usize)
}

/// The host gives UTF-8 only; anything else reads as empty.
///
/// # Safety
/// As for `bytes`.
pub(crate) unsafe fn text<'a>(text: Str) -> &'a str {
    std::str::from_utf8(bytes(text)).unwrap_or("")
}
