-- Cycles through the requests of a file: method, path, authorization and body, one request a line,
-- separated by tabs.
local requests = {}
local next_index = 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, authorization, body = line:match("^(%S+)\t(%S+)\t([^\t]+)\t(.*)$")
    local headers = { ["authorization"] = authorization }
    if body ~= "" then headers["content-type"] = "application/json" end
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  next_index = next_index % #requests + 1
  return requests[next_index]
end
