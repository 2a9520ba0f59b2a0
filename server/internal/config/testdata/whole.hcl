# A configuration with a value in every field. Tests spoil parts of it, and know the numbers of its lines.
strict_default_keys = true

default_region = "cn-shanghai"
regions        = ["cn-shanghai", "cn-beijing"]

listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "tls.pem"
  tls_key_file  = "tls.key"

  tls_max_version = "1.2"
}
storage  { path = "kms.db" }
root_key { file = "root.key" }

account "1000000000000001" {
  access_key "LTAIone" { secret_file = "one" }
  access_key "LTAItwo" {
    secret   = "two"
    inactive = true
    allow {
      actions   = ["kms:Encrypt", "kms:Describe*"]
      resources = ["acs:kms:cn-shanghai:*:key/*"]
    }
  }
  access_key "STS.three" {
    secret              = "three"
    security_token_file = "token"
    expires             = "2030-12-31T23:59:59Z"
  }
  access_key "STS.four" {
    secret         = "four"
    security_token = "fourth"
  }
}
instance "kst-shh1" {
  kind            = "hardware"
  account         = "1000000000000001"
  region          = "cn-beijing"
  default         = true
  internet_access = false
  image           = "2.3.0"
  spec            = 2000
  status          = "Connecting"
  ca_cert_file    = "ca.pem"
  listener {
    address    = "127.0.0.1:0"
    plain_http = true
  }
}
audit  { file = "audit.log" }
limits {
  timestamp_window  = "5m"
  max_request_bytes = 100000
  max_nonces        = 1000
  max_connections   = 50
  max_unauthenticated_per_address = 0
}
quotas {
  keys    = 10
  aliases = -1
}
rate_limits {
  crypto     = 1
  create_key = 2
  write      = 3
  read       = 4
  list_tags  = -1
  instances  = 5
}
operations {
  address        = "127.0.0.1:9180"
  socket         = "kms.sock"
  health_address = "0.0.0.0:9181"
}
rotation {
  min_version_interval = "1h"
  min_interval         = "90m"
  max_interval         = "36500d"
}
