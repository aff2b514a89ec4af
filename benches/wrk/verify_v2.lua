-- Verifies AWS signature version 2 in an Authorization header, path style: a check that one could write for nginx.
-- It does not support sub-resources, presigned URLs and XML responses, so it does less than the gateway.
-- `keys` is set by nginx.conf.
local skew = 15 * 60

local headers = ngx.req.get_headers()
local id, provided = string.match(headers["authorization"] or "", "^AWS ([^:]+):(.+)$")
local secret = keys[id or ""]
local date = ngx.parse_http_time(headers["x-amz-date"] or headers["date"] or "")
if not secret or not date or math.abs(ngx.time() - date) > skew then
    return ngx.exit(ngx.HTTP_FORBIDDEN)
end

local amz = {}
for name, value in pairs(headers) do
    if string.sub(name, 1, 6) == "x-amz-" then
        if type(value) == "table" then
            value = table.concat(value, ",")
        end
        amz[#amz + 1] = name .. ":" .. value .. "\n"
    end
end
table.sort(amz)

local string_to_sign = ngx.req.get_method() .. "\n"
    .. (headers["content-md5"] or "") .. "\n"
    .. (headers["content-type"] or "") .. "\n"
    .. (headers["x-amz-date"] and "" or headers["date"]) .. "\n"
    .. table.concat(amz)
    .. string.match(ngx.var.request_uri, "^[^?]*")

if ngx.encode_base64(ngx.hmac_sha1(secret, string_to_sign)) ~= provided then
    return ngx.exit(ngx.HTTP_FORBIDDEN)
end
