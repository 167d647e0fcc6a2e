# hapair: everything a person or CI does here has a target. `make help` lists them.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# One build configuration for all: static binaries, and one build cache for programs, tests and tools.
export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false -trimpath

VERSION ?= 0.1.0
PLATFORMS ?= linux/$(shell go env GOARCH)
IMAGE_PREFIX ?= localhost/hapair

BIN := $(CURDIR)/bin
TOOLS := internal/tools
COMPONENTS := test/cluster/components
KUBERNETES_VERSION := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2}' $(COMPONENTS)/kubernetes/go.mod)
CONTAINERD_VERSION := $(shell awk '$$1 == "github.com/containerd/containerd/v2" {print $$2}' $(COMPONENTS)/containerd/go.mod)

# Sources of the main module; a program is linked again only when one of them changes.
SOURCES := $(shell find api cmd controllers internal test -name '*.go' -not -name '*_test.go' \
	-not -path '$(TOOLS)/*' -not -path '$(COMPONENTS)/*' 2>/dev/null) go.mod go.sum

##@ The main things

.PHONY: demo
demo: deps programs images ## Boot a cluster, install the operator, and show one connection outlive its firewall (leaves the cluster up)
	@$(BIN)/demo run

.PHONY: demo-down
demo-down: $(BIN)/cluster ## Remove everything that the demo or the cluster tests set up
	@$(BIN)/cluster down
	@$(BIN)/cluster leftovers

.PHONY: test
test: deps ## Run all tests: lint, verify, unit, API server, network namespaces, cluster; ends with a count
	@go run ./test/suite

##@ Tests, one kind at a time

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/helm ## Run the linters on code and chart
	$(BIN)/golangci-lint run --timeout 30m --build-tags netns,apiserver,e2e
	$(BIN)/helm lint --strict --quiet charts/hapair

.PHONY: test-unit
test-unit: $(BIN)/helm ## Run the tests that need neither root nor network
	HELM=$(BIN)/helm go test ./...

.PHONY: test-apiserver
test-apiserver: kubernetes-assets ## Run the tests against a real kube-apiserver and etcd
	KUBEBUILDER_ASSETS=$(BIN)/kubernetes-assets go test -tags apiserver -timeout 15m \
		./api/... ./controllers/... ./internal/lease/...

.PHONY: test-netns
test-netns: ## Run the tests that make network namespaces (root)
	go test -tags netns -timeout 15m -p 1 ./internal/... ./test/testbed/...

.PHONY: test-cluster
test-cluster: programs images ## Run the tests on a real cluster (root)
	go test -tags e2e -timeout 40m -count=1 -v ./test/e2e/...

##@ Code

.PHONY: generate
generate: $(BIN)/controller-gen ## Generate deep copies, CRDs, RBAC and the chart's copies of them
	$(BIN)/controller-gen object paths=./api/...
	rm -rf config/crd config/rbac/role.yaml charts/hapair/files/crds
	$(BIN)/controller-gen crd paths=./api/... output:crd:dir=config/crd
	$(BIN)/controller-gen rbac:roleName=hapair-manager paths=./controllers/... output:rbac:dir=config/rbac

.PHONY: verify
verify: generate ## Fail if generated files or go.mod are not what is committed
	go mod tidy -diff
	@git diff --exit-code -- api config charts || { echo 'Generated files differ: run "make generate" and commit'; exit 1; }

.PHONY: format
format: $(BIN)/golangci-lint ## Format the code
	$(BIN)/golangci-lint fmt

##@ Programs and images

.PHONY: build
build: $(BIN)/manager $(BIN)/sidecar $(BIN)/firewall ## Build the three programs of hapair for this machine

$(BIN)/%: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./cmd/$*

.PHONY: clean
clean: ## Remove what was built here (run demo-down first)
	rm -rf $(BIN)

##@ Help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*##/ {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
