-- The request of a scenario, and the outcome of a run as one line of JSON.
-- Arguments after "--": method, size of the content in bytes, then one "Name: value" a field.

function init(args)
  wrk.method = args[1]
  local size = tonumber(args[2])
  if size > 0 then wrk.body = string.rep("x", size) end
  for i = 3, #args do
    local name, value = args[i]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nOUTCOME {"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, ' ..
    '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
