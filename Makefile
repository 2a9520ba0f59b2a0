# The commands for developers; `make help` lists them. The work itself is done in scripts/.

VERSION  ?= $(shell scripts/version.sh)
MODULE   := github.com/alicloudkms/vault-plugin-secrets-alicloudkms
BINARIES := $(notdir $(wildcard cmd/*))
# Vault's -dev-plugin-dir takes a folder with nothing but plugins.
PLUGIN   := vault-plugin-secrets-alicloudkms
LDFLAGS  := -s -w -X $(MODULE).Version=$(VERSION) -X main.version=$(VERSION)
FUZZTIME ?= 30s

# The tools are pinned in a module of their own, so that users of this one do not inherit them.
TOOL := go tool -modfile=test/tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help demo dev test build release vault lint fmt bench fuzz crash clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the main job from start to finish, on a real Vault and a real KMS service; cleans up after itself
	@VERSION=$(VERSION) exec scripts/demo.sh

# Many shells have a variable ENV, which names a file of the user, and CLUSTER may be set too; only values given here
# count.
dev: export DEV_CLUSTER = $(if $(filter command,$(origin CLUSTER)),$(CLUSTER))
dev: export DEV_ENV = $(if $(filter command,$(origin ENV)),$(ENV))
dev: ## Start the same setup and leave it running until Ctrl-C; ENV=FILE writes its variables there; CLUSTER=3: 3 nodes
	@VERSION=$(VERSION) exec scripts/dev.sh

test: ## All a commit needs: format, vet, staticcheck, unit tests with -race, SDKs, end-to-end tests on a real Vault
	@scripts/test.sh

build: ## Build the binaries into bin/, with checksums in bin/SHA256SUMS, and the secrets plugin into bin/plugins/ too
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...
	mkdir -p bin/plugins && ln -f bin/$(PLUGIN) bin/plugins/
	cd bin && { sha256sum $(BINARIES) 2>/dev/null || shasum -a 256 $(BINARIES); } >SHA256SUMS

release: ## Build all files of a release into dist/: VERSION=vX.Y.Z; CHECK=1 builds everything twice, and compares
	@go run -C scripts/release . -version '$(VERSION)' $(if $(CHECK),-check)

vault: bin/vault ## Build bin/vault, for machines without a Vault; takes several minutes the first time

bin/vault: test/vault/go.mod test/vault/go.sum
	@echo 'building bin/vault from test/vault: this takes several minutes the first time' >&2
	go build -C test/vault -tags minimal -trimpath -buildvcs=false -ldflags '-s -w' \
		-o ../../bin/vault github.com/hashicorp/vault

lint: ## Check format, line length, workflows, go vet and staticcheck, and change nothing
	@unformatted=$$($(TOOL) gofumpt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not formatted (run make fmt):" >&2; echo "$$unformatted" >&2; exit 1; fi
	go test -count=1 -run '^TestLinesEndAt120Columns$$' ./test/house
	$(TOOL) actionlint -shellcheck= -pyflakes=
	go vet ./...
	$(TOOL) staticcheck ./...
	cd test/sdk && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/clients && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/cluster && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/bench && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/openapi && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/kubernetes && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/etcd && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/page && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd test/monitoring && go vet ./... && go tool -modfile=../tools/go.mod staticcheck ./...
	cd scripts/release && go vet ./... && go tool -modfile=../../test/tools/go.mod staticcheck ./...

fmt: ## Format every Go file
	$(TOOL) gofumpt -w .

bench: ## Measure against peers and write the table of docs/performance.md; BENCH_FLAGS="-only REGEX" measures a part
	@exec scripts/bench.sh $(BENCH_FLAGS)

fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

crash: ## Kill the busy KMS service ROUNDS (200) times; CLUSTER=3 kills nodes, etcd and links of a cluster
	@scripts/crash.sh

clean: ## Remove bin/ and dist/
	rm -rf bin dist
