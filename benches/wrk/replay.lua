-- Repeats the same signed request: `wrk -s replay.lua URL -- FILE`, where FILE has one `Name: value` per line.
-- At the end it prints one line: requests, microseconds, failed requests.
function init(arguments)
    for line in io.lines(arguments[1]) do
        local name, value = string.match(line, "^([^:]+): *(.*)$")
        wrk.headers[name] = value
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("done %d %d %d\n", summary.requests, summary.duration, failed))
end
