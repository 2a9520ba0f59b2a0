# In the configuration of Vault or OpenBao. Without disable_hostname, the names of gauges contain the machine's.
telemetry {
  prometheus_retention_time = "24h"
  disable_hostname          = true
}
