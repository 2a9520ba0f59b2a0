# The third service of the conformance tests: Alibaba Cloud as it is sold today, with KMS instances of every kind. An
# account without a default instance has one default key, which is for Alibaba Cloud's own services. It is started in the
# tests' temporary folder, on the root key that the first service has made there, with certificates that the tests make.
listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "cloud.pem"
  tls_key_file  = "cloud.key"
}

storage {
  path = "cloud.db"
}

root_key {
  file = "dev/root.key"
}

strict_default_keys = true

account "1000000000000001" {
  access_key "LTAInew" {
    secret = "the secret of a new account"
  }
}

account "1000000000000002" {
  access_key "LTAImigrated" {
    secret = "the secret of an account migrated from KMS 1.0"
  }
}

instance "kst-soft" {
  ca_cert_file = "ca.pem"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "kst-soft.pem"
    tls_key_file  = "kst-soft.key"
  }
}

instance "kst-hard" {
  kind         = "hardware"
  ca_cert_file = "ca.pem"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "kst-hard.pem"
    tls_key_file  = "kst-hard.key"
  }
}

instance "kst-private" {
  internet_access = false
  ca_cert_file    = "ca.pem"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "kst-private.pem"
    tls_key_file  = "kst-private.key"
  }
}

instance "kst-old" {
  image        = "2.9.0"
  ca_cert_file = "ca.pem"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "kst-old.pem"
    tls_key_file  = "kst-old.key"
  }
}

instance "kst-migrated" {
  account      = "1000000000000002"
  default      = true
  ca_cert_file = "ca.pem"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "kst-migrated.pem"
    tls_key_file  = "kst-migrated.key"
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
