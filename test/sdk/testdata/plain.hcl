# The second service of the conformance tests, of test/node too: plain HTTP, one access key of each kind, no quotas and no
# rate limits, and the SM algorithms. It is started in the tests' temporary folder, on the root key that the first service
# has made there.
sm = true

listener {
  address    = "127.0.0.1:0"
  plain_http = true
}

storage {
  path = "plain.db"
}

root_key {
  file = "dev/root.key"
}

account "1000000000000001" {
  access_key "LTAIplain" {
    secret = "the plain secret"
  }
  access_key "LTAIinactive" {
    secret   = "the inactive secret"
    inactive = true
  }
  access_key "STS.temporary" {
    secret         = "the temporary secret"
    security_token = "CAIS+/the=token=="
    expires        = "2199-12-31T23:59:59Z"
  }
  access_key "LTAIwriter" {
    secret = "the writer's secret"
    allow {
      actions   = ["kms:Encrypt"]
      resources = ["acs:kms:*:*:key/*"]
    }
  }
}

quotas {
  keys    = -1
  aliases = -1
  secrets = -1
}

rate_limits {
  crypto        = -1
  create_key    = -1
  write         = -1
  read          = -1
  list_tags     = -1
  asymmetric    = -1
  re_encrypt    = -1
  instances     = -1
  secret_values = -1
  secret_write  = -1
  secret_read   = -1
}
