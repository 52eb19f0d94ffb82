-- Sends prepared requests in turn. The file named after `--` has one request per line: type, signature and body,
-- separated by tabs; the number after it says how many of them to leave out at first. Requests are formatted once,
-- before the clock starts.
local requests = {}
local next_one = 0

function init(arguments)
    for line in io.lines(arguments[1]) do
        local kind, signature, body = line:match("^(%S+)\t(%S+)\t(.*)$")
        local headers = { ["Content-Type"] = "application/json", ["X-HMAC"] = signature }
        requests[#requests + 1] = wrk.format("POST", wrk.path .. "?type=" .. kind, headers, body)
    end
    next_one = tonumber(arguments[2])
end

function request()
    next_one = next_one % #requests + 1
    return requests[next_one]
end
