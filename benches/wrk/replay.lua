-- Repeats the same request: `wrk -s replay.lua URL -- FILE`, where FILE has its bytes.
-- At the end it prints one line: requests, microseconds, failed requests.
function init(arguments)
    local file = io.open(arguments[1], "rb")
    local request = file:read("*a")
    file:close()
    -- wrk calls it once, and sends the result as it is.
    wrk.format = function() return request end
end

function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("done %d %d %d\n", summary.requests, summary.duration, failed))
end
