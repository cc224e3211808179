-- One lead per request, each with an e-mail and a phone of its own; wrk ... -- FIRST_RANGE KEY EXPECT VERIFY
-- Every thread of every run counts in a range of its own (half a million leads), so nothing is ever a duplicate.
local AREAS = {"415", "213", "310", "408", "510", "619", "650", "714", "818", "916", "209", "323", "530", "559", "562", "626", "661", "707", "760", "805"}
local PER_RANGE, RANGES_PER_AREA = 500000, 16
local BODY = '{"first_name":"Ann","last_name":"Smith","email":"ann%d@acmeheating.com","phone":"+1%s%07d","zip":"94110","city":"San Francisco","state":"CA","address":"1 Market St","ip":"203.0.113.9","consent":"true","utm_source":"google","utm_campaign":"solar-q4","landing_page":"https://example.com/solar?x=1","roof":"tile","bill":"200"}'
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  local range = tonumber(args[1]) + number
  area = AREAS[math.floor(range / RANGES_PER_AREA) + 1]
  first = 2000000 + (range % RANGES_PER_AREA) * PER_RANGE
  n, bad, sample = 0, 0, ""
  offset = range * PER_RANGE
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[2]
  local expect = args[3]
  if args[4] == "verify" then
    -- Only defined on demand: looking at each answer costs wrk a good part of its speed.
    response = function(status, headers, body)
      if status >= 300 or not string.find(body, expect, 1, true) then
        bad = bad + 1
        if sample == "" then sample = status .. " " .. string.sub(body, 1, 300) end
      end
    end
  end
end

function request()
  n = n + 1
  return wrk.format("POST", nil, nil, string.format(BODY, offset + n, area, first + n % PER_RANGE))
end

function done(summary, latency)
  local bad, sample = 0, ""
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("bad")
    if sample == "" then sample = thread:get("sample") end
  end
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"status":%d,"lost":%d,"bad":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout, bad))
  if sample ~= "" then io.write("SAMPLE " .. sample:gsub("%c", " ") .. "\n") end
end
