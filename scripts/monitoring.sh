#!/usr/bin/env bash
# Runs the files of dashboards/ against a real Prometheus, the KMS service, two nodes of a cluster and the Vault of
# VAULT_BIN. Never from the test cache, which does not see changes of the plugin and the service that the tests build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PROMETHEUS_DIR=$(scripts/prometheus.sh)
ETCD_BIN=$(scripts/etcd.sh)
export PROMETHEUS_DIR ETCD_BIN
exec scripts/gotest.sh -C test/monitoring -count=1 .
