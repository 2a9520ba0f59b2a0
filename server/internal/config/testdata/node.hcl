# A node of a cluster, with a value in every field of etcd and cluster. Tests spoil parts of it, and know the numbers of
# its lines.
listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "tls.pem"
  tls_key_file  = "tls.key"
}
etcd {
  endpoints     = ["https://etcd1.internal:2379", "https://etcd2.internal:2379"]
  prefix        = "kms/prod/"
  lease         = "2s"
  ca_file       = "etcd-ca.pem"
  cert_file     = "etcd.pem"
  key_file      = "etcd.key"
  username      = "kms"
  password_file = "etcd.password"
}
cluster {
  address        = "10.0.0.1:8444"
  ca_file        = "nodes-ca.pem"
  cert_file      = "node.pem"
  key_file       = "node.key"
  max_clock_skew = "500ms"
}
root_key { file = "root.key" }
account "1000000000000001" {
  access_key "LTAIone" { secret_file = "one" }
}
operations {
  address = "127.0.0.1:9180"
  socket  = "kms.sock"
}
