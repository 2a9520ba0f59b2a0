#!/usr/bin/env bash
# Runs Alibaba Cloud's own Go SDKs against the KMS service, and compares their signatures with ours. Never from the test
# cache, which does not see changes of the service that the tests build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../test/sdk"

exec ../../scripts/gotest.sh -count=1 ./...
