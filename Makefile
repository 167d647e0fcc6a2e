# hapair: everything a person or CI does here has a target. `make help` lists them.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# One build configuration for all: static binaries, and one build cache for programs, tests and tools.
export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false -trimpath

VERSION ?= 0.1.0
COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
# What the programs print with --version, and log when they start.
PROGRAM_PACKAGE := github.com/hapair-io/hapair/internal/cli/program
LDFLAGS := -s -w -X $(PROGRAM_PACKAGE).version=$(VERSION) -X $(PROGRAM_PACKAGE).commit=$(COMMIT)
PLATFORMS ?= linux/$(shell go env GOARCH)
IMAGE_PREFIX ?= localhost/hapair

BIN := $(CURDIR)/bin
TOOLS := internal/tools
COMPONENTS := test/cluster/components
KUBERNETES_VERSION := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2}' $(COMPONENTS)/kubernetes/go.mod)
CONTAINERD_VERSION := $(shell awk '$$1 == "github.com/containerd/containerd/v2" {print $$2}' $(COMPONENTS)/containerd/go.mod)

IMAGES := manager sidecar firewall
DEBIAN_PACKAGES := runc nftables iproute2 conntrack procps curl iputils-ping
# What benchmarks compare with, and measure with.
BENCH_PACKAGES := keepalived conntrackd iperf3
# What the model checker is, and what compiles its searches.
MODEL_PACKAGES := spin gcc libc6-dev

# Sources of the main module; a program is linked again only when one of them changes.
SOURCES := $(shell find api cmd controllers internal test -name '*.go' -not -name '*_test.go' \
	-not -path '$(TOOLS)/*' -not -path '$(COMPONENTS)/*' 2>/dev/null) go.mod go.sum

##@ The main things

.PHONY: demo
demo: deps prepare-demo ## Boot a cluster, install the operator, and show one connection outlive its firewall (leaves the cluster up)
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
	cd $(COMPONENTS)/cni && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml --timeout 30m ./multinet/...
	cd $(TOOLS)/image && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml --timeout 30m
	$(BIN)/helm lint --strict --quiet charts/hapair

.PHONY: language
language: ## Print where comments, messages and documents leave the project's English; BELOW="internal/ha docs" for a part
	go run ./test/architecture/internal/language/lint $(or $(BELOW),.)

.PHONY: test-unit
test-unit: $(BIN)/helm ## Run the tests that need neither root nor network
	HELM=$(BIN)/helm go test $(TESTFLAGS) ./...
	cd $(COMPONENTS)/cni && go test $(TESTFLAGS) ./multinet/...
	cd $(TOOLS)/image && go test $(TESTFLAGS) ./...

.PHONY: test-apiserver
test-apiserver: kubernetes-assets $(BIN)/helm ## Run the tests against a real kube-apiserver and etcd
	KUBEBUILDER_ASSETS=$(BIN)/kubernetes-assets HELM=$(BIN)/helm go test $(TESTFLAGS) -tags apiserver -timeout 30m \
		./api/... ./controllers/... ./internal/lease/... ./test/chart/... ./test/operator/...

.PHONY: test-netns
test-netns: ## Run the tests that make network namespaces (root)
	go test $(TESTFLAGS) -tags netns -timeout 15m -p 1 ./internal/... ./test/testbed/... ./test/cluster/... \
		./test/internal/... ./test/benchmark/...

.PHONY: test-soak
test-soak: ## Let connections come and go through a pair for 10 minutes, and see that nothing grows (root)
	HAPAIR_LONG=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -v -run TestNothingGrows ./test/testbed/pair

.PHONY: test-rest
test-rest: kubernetes-assets $(BIN)/manager ## See for 10 minutes that pairs to which nothing happens cost the operator nothing (root)
	go test $(TESTFLAGS) -tags apiserver -timeout 20m -count=1 ./test/benchmark/operator

.PHONY: test-cluster
test-cluster: prepare-demo ## Run the tests on a real cluster (root)
	go test $(TESTFLAGS) -tags e2e -timeout 40m -count=1 ./test/e2e/...

.PHONY: test-chaos
test-chaos: prepare-demo ## Run those of them alone that do the sample pair harm (root)
	go test $(TESTFLAGS) -tags e2e -timeout 40m -count=1 ./test/e2e/... -ginkgo.focus='Under chaos' -ginkgo.v

.PHONY: test-endurance
test-endurance: prepare-demo ## Cut the power under every kind of connection at once, and print what became of each (root)
	go test $(TESTFLAGS) -v -tags e2e -timeout 40m -count=1 ./test/e2e/... -ginkgo.focus='Every kind of connection'

##@ Benchmarks

.PHONY: bench-failover
bench-failover: deps-bench kubernetes-assets $(BIN)/sidecar $(BIN)/bench-failover ## Measure failovers beside keepalived and conntrackd; RUNS=2 QUICK=1 SCENARIOS=power-off,flows (root)
	nice -n -10 $(BIN)/bench-failover $(if $(RUNS),--runs=$(RUNS)) $(if $(QUICK),--quick) \
		$(if $(SCENARIOS),--scenarios=$(SCENARIOS)) $(BENCHFLAGS)

.PHONY: bench-failover-cluster
bench-failover-cluster: deps prepare-demo $(BIN)/bench-failover-cluster ## Measure failovers on the cluster; RUNS=20 HEARTBEATS=100,50,20 (root; leaves it up)
	$(BIN)/bench-failover-cluster --runs $(or $(RUNS),20) --heartbeats $(or $(HEARTBEATS),100)

.PHONY: bench-replication
bench-replication: deps-bench $(BIN)/bench-replication ## Measure replication beside conntrackd; ROUNDS=5 QUICK=1 SCENARIOS=events,overload (root)
	nice -n -10 $(BIN)/bench-replication $(if $(ROUNDS),--rounds=$(ROUNDS)) $(if $(QUICK),--quick) \
		$(if $(SCENARIOS),--scenarios=$(SCENARIOS)) $(BENCHFLAGS)

.PHONY: bench-gate
bench-gate: deps-bench $(BIN)/bench-gate ## Measure what an open gate costs packets; ROUNDS=8 (root)
	nice -n -10 $(BIN)/bench-gate --rounds $(or $(ROUNDS),8)

.PHONY: bench-operator
bench-operator: kubernetes-assets $(BIN)/manager $(BIN)/bench-operator ## Measure how the operator bears 1,000 and 5,000 pairs; PAIRS=1000 REST=2m QUICK=1 (root)
	$(BIN)/bench-operator $(if $(PAIRS),--pairs=$(PAIRS)) $(if $(REST),--rest=$(REST)) $(if $(QUICK),--quick) $(BENCHFLAGS)

##@ Figures

SEEDS ?= 20000

.PHONY: simulate
simulate: ## Play SEEDS simulated lives of a pair under faults; SEEDS=1000000 takes some minutes
	go run ./test/simulation/cmd/simulate -seeds $(SEEDS)

.PHONY: model
model: deps-model ## Check the HA protocol exhaustively within bounds, and that its mutants are refuted
	docs/model/check.sh

##@ Code

.PHONY: generate
generate: $(BIN)/controller-gen ## Generate deep copies, CRDs, RBAC and the chart's copies of them
	$(BIN)/controller-gen object paths=./api/...
	rm -f config/crd/hapair.io_*.yaml charts/hapair/files/crds/*.yaml
	$(BIN)/controller-gen crd paths=./api/... output:crd:dir=config/crd
	$(BIN)/controller-gen rbac:roleName=hapair-manager paths=./controllers/... output:rbac:dir=config/rbac
	cp config/crd/hapair.io_*.yaml charts/hapair/files/crds/
	cp config/rbac/role.yaml charts/hapair/files/role.yaml
	cp config/admission/warnings.yaml charts/hapair/files/warnings.yaml

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

.PHONY: images
images: $(IMAGES:%=$(BIN)/images/%.tar) $(BIN)/images/pause.tar ## Build one OCI image a program; PLATFORMS="linux/amd64 linux/arm64" for several

.PHONY: tools
tools: $(BIN)/controller-gen $(BIN)/golangci-lint $(BIN)/helm $(BIN)/ginkgo $(BIN)/image ## Build the tools that are pinned here

.PHONY: kubernetes
kubernetes: kubernetes-assets $(BIN)/containerd $(BIN)/cni/bridge $(BIN)/cni/multinet ## Build Kubernetes and all that its nodes need

.PHONY: prepare
prepare: tools prepare-demo $(BIN)/manager ## Build everything that the tests and the demo use

.PHONY: prepare-demo
prepare-demo: kubernetes images $(BIN)/helm $(BIN)/cluster $(BIN)/demo

# Installs those of the Debian packages in its argument that are missing.
install-packages = missing=; for p in $(1); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "Installing Debian packages:$$missing"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; fi

.PHONY: deps
deps: ## Install the Debian packages that the cluster and the tests use
	@$(call install-packages,$(DEBIAN_PACKAGES))

# The packages start their daemons where they can. Benchmarks start their own.
.PHONY: deps-bench
deps-bench: deps ## Install the Debian packages that benchmarks compare with
	@installed=$$(dpkg-query -W -f='$${Status}\n' $(BENCH_PACKAGES) 2>/dev/null | grep -c 'install ok installed'); \
	[ $$installed != $(words $(BENCH_PACKAGES)) ] || exit 0; \
	$(call install-packages,$(BENCH_PACKAGES)); \
	if [ -d /run/systemd/system ]; then systemctl disable --now keepalived conntrackd; fi

.PHONY: deps-model
deps-model: ## Install the Debian packages of the model checker
	@$(call install-packages,$(MODEL_PACKAGES))

.PHONY: clean
clean: ## Remove what was built here (run demo-down first)
	rm -rf $(BIN)

# --- programs of this module

$(BIN)/manager $(BIN)/sidecar $(BIN)/firewall: $(BIN)/%: $(SOURCES)
	go build -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*

$(BIN)/cluster: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/cluster/cmd/cluster

$(BIN)/bench-failover: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/failover/cmd/failover

$(BIN)/bench-replication: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/replication/cmd/replication

$(BIN)/bench-gate: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/gate/cmd/gate

$(BIN)/bench-operator: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/operator/cmd/operator

$(BIN)/demo: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/demo

$(BIN)/bench-failover-cluster: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/cluster/cmd/failover

# --- images: static programs on nothing

$(BIN)/images/pause.tar: PROGRAM := ./test/cluster/cmd/pause
$(BIN)/images/manager.tar: IMAGE_USER := 65532:65532
# A user other than root loses its capabilities at exec, and these two need NET_ADMIN.
$(BIN)/images/sidecar.tar $(BIN)/images/firewall.tar: IMAGE_USER := 0:0
$(BIN)/images/%.tar: IMAGE_USER ?= 65532:65532
$(BIN)/images/%.tar: PROGRAM ?= ./cmd/$*
$(BIN)/images/%.tar: $(SOURCES) $(BIN)/image
	@set -e; for platform in $(PLATFORMS); do \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -ldflags '$(LDFLAGS)' -o $(BIN)/images/$$platform/$* $(PROGRAM); done
	$(BIN)/image --name $(IMAGE_PREFIX)/$* --user $(IMAGE_USER) --entrypoint /$* --output $@ \
		--label org.opencontainers.image.title=hapair-$* --label org.opencontainers.image.version=$(VERSION) \
		--label org.opencontainers.image.licenses=Apache-2.0 \
		$(foreach platform,$(PLATFORMS),--binary $(platform)=$(BIN)/images/$(platform)/$*)

# --- Kubernetes, from its modules

$(BIN)/hyperkube $(BIN)/etcd &: $(wildcard $(COMPONENTS)/kubernetes/go.* $(COMPONENTS)/kubernetes/cmd/*/*.go)
	@echo 'Building Kubernetes $(KUBERNETES_VERSION) and etcd (a cold build takes about 10 minutes on 2 cores)'
	cd $(COMPONENTS)/kubernetes && go build -o $(BIN)/ -ldflags "-s -w \
		-X k8s.io/component-base/version.gitVersion=$(KUBERNETES_VERSION) \
		-X k8s.io/component-base/version.gitMajor=$(word 1,$(subst ., ,$(KUBERNETES_VERSION:v%=%))) \
		-X k8s.io/component-base/version.gitMinor=$(word 2,$(subst ., ,$(KUBERNETES_VERSION:v%=%))) \
		-X k8s.io/component-base/version.gitTreeState=clean" ./cmd/hyperkube ./cmd/etcd

.PHONY: kubernetes-assets
kubernetes-assets: $(BIN)/hyperkube $(BIN)/etcd
	@mkdir -p $(BIN)/kubernetes-assets
	@ln -sfn ../etcd $(BIN)/kubernetes-assets/etcd
	@for program in kube-apiserver kubectl; do ln -sfn ../hyperkube $(BIN)/kubernetes-assets/$$program; done

$(BIN)/containerd $(BIN)/ctr $(BIN)/containerd-shim-runc-v2 &: $(wildcard $(COMPONENTS)/containerd/go.*)
	@echo 'Building containerd $(CONTAINERD_VERSION)'
	cd $(COMPONENTS)/containerd && go build -o $(BIN)/ -tags no_btrfs,no_zfs,no_devmapper -ldflags "-s -w \
		-X github.com/containerd/containerd/v2/version.Version=$(CONTAINERD_VERSION)" tool

$(BIN)/cni/bridge: $(wildcard $(COMPONENTS)/cni/go.*)
	@echo 'Building the CNI plugins'
	cd $(COMPONENTS)/cni && go build -o $(BIN)/cni/ -ldflags '-s -w' tool

$(BIN)/cni/multinet: $(wildcard $(COMPONENTS)/cni/go.* $(COMPONENTS)/cni/multinet/*.go)
	cd $(COMPONENTS)/cni && go build -o $@ -ldflags '-s -w' ./multinet

# --- pinned tools

$(BIN)/controller-gen $(BIN)/golangci-lint $(BIN)/helm: $(BIN)/%: $(TOOLS)/%/go.mod $(TOOLS)/%/go.sum
	@echo 'Building $* (a cold build takes some minutes)'
	cd $(TOOLS)/$* && go build -o $@ -ldflags '-s -w' tool

$(BIN)/ginkgo: go.mod go.sum
	go build -o $@ -ldflags '-s -w' github.com/onsi/ginkgo/v2/ginkgo

$(BIN)/image: $(wildcard $(TOOLS)/image/*.go $(TOOLS)/image/go.*)
	cd $(TOOLS)/image && go build -o $@ -ldflags '-s -w' .

##@ Help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*##/ {printf "  %-23s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
