# Every task of a developer or of CI has a target here. `make help` lists them.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Programs, tests and tools share one configuration, so that they share one build cache. Binaries are static.
export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false -trimpath

VERSION ?= 0.1.0
COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
# The programs print version and commit with --version, and log them at their start.
PROGRAM_PACKAGE := github.com/hapair-io/hapair/internal/cli/program
LDFLAGS := -s -w -X $(PROGRAM_PACKAGE).version=$(VERSION) -X $(PROGRAM_PACKAGE).commit=$(COMMIT)
PLATFORMS ?= linux/$(shell go env GOARCH)
IMAGE_PREFIX ?= localhost/hapair

BIN := $(CURDIR)/bin
TOOLS := internal/tools
COMPONENTS := test/cluster/components
KUBERNETES_VERSION := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2}' $(COMPONENTS)/kubernetes/go.mod)
CONTAINERD_VERSION := $(shell awk '$$1 == "github.com/containerd/containerd/v2" {print $$2}' $(COMPONENTS)/containerd/go.mod)

# Each folder of cmd is a program. These have an image of their own.
PROGRAMS := $(notdir $(wildcard cmd/*))
IMAGES := manager sidecar firewall
# These images also have programs of Debian. images/NAME says which.
PACKAGED_IMAGES := $(notdir $(wildcard images/*))
# Addresses of archives, if not those of apt, as in DEBIAN_MIRRORS="debian=ADDRESS debian-security=ADDRESS".
DEBIAN_MIRRORS ?=
DEBIAN_PACKAGES := runc nftables iproute2 conntrack procps curl jq iputils-ping sip-tester ffmpeg isc-dhcp-relay dnsmasq-base vsftpd lftp busybox isc-dhcp-client bind9-dnsutils ndisc6 strongswan-charon strongswan-swanctl libcharon-extra-plugins libcharon-extauth-plugins libstrongswan-extra-plugins
# Benchmarks compare hapair with these programs, or measure with them.
BENCH_PACKAGES := keepalived conntrackd iperf3
# Virtual machines run Debian's kernel. It is only unpacked, and never installed.
VM_PACKAGES := qemu-system-x86
VM_KERNEL_PACKAGE := linux-image-cloud-amd64
# The model checker, and the compiler that it needs.
MODEL_PACKAGES := spin gcc libc6-dev

# Sources of the main module. A program is only linked again if one of them has changed.
SOURCES := $(shell find api cmd controllers internal test -name '*.go' -not -name '*_test.go' \
	-not -path '$(TOOLS)/*' -not -path '$(COMPONENTS)/*' 2>/dev/null) go.mod go.sum

##@ Main targets

.PHONY: demo
demo: deps prepare-demo ## Run a cluster with the operator, and show a connection that survives a failover; the cluster stays up
	@$(BIN)/demo run

.PHONY: demo-down
demo-down: $(BIN)/cluster ## Remove everything that the demo or the cluster tests have created
	@$(BIN)/cluster down
	@$(BIN)/cluster leftovers

.PHONY: test
test: deps ## Run all tests: lint, verify, unit, API server, network namespaces, virtual machines, cluster; print the counts
	@go run ./test/suite

##@ Tests by kind

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/helm ## Run the linters on code and chart
	$(BIN)/golangci-lint run --timeout 30m --build-tags netns,apiserver,e2e,vm,images
	cd $(COMPONENTS)/cni && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml --timeout 30m ./multinet/...
	cd $(TOOLS)/image && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml --timeout 30m
	$(BIN)/helm lint --strict --quiet charts/hapair

.PHONY: language
language: ## Run the language checker; BELOW="internal/ha docs" limits it to these folders
	go run ./test/architecture/internal/language/lint $(or $(BELOW),.)

.PHONY: test-unit
test-unit: $(BIN)/helm ## Run the tests that need neither root nor network
	HELM=$(BIN)/helm go test $(TESTFLAGS) $(or $(PACKAGES),./...)
	cd $(COMPONENTS)/cni && go test $(TESTFLAGS) ./multinet/...
	cd $(TOOLS)/image && go test $(TESTFLAGS) ./...

.PHONY: test-apiserver
test-apiserver: kubernetes-assets $(BIN)/helm ## Run the tests against a real kube-apiserver and etcd
	KUBEBUILDER_ASSETS=$(BIN)/kubernetes-assets HELM=$(BIN)/helm go test $(TESTFLAGS) -tags apiserver -timeout 30m \
		$(or $(PACKAGES),./api/... ./controllers/... ./internal/lease/... ./test/chart/... ./test/operator/...)

# The packages with tests that create network namespaces. test-unit has the others.
NETNS_PACKAGES = $(addprefix ./,$(sort $(dir $(shell grep -rlE --include='*_test.go' '^//go:build .*netns' internal test))))

.PHONY: test-netns
test-netns: ## Run the tests that create network namespaces (root)
	go test $(TESTFLAGS) -tags netns -timeout 15m -p 1 $(or $(PACKAGES),$(NETNS_PACKAGES))

.PHONY: test-vm
test-vm: deps-vm $(BIN)/vm ## Run the tests that need a kernel of their own, in virtual machines (root)
	VM_KERNEL=$(BIN)/vm go test $(TESTFLAGS) -tags vm -timeout 10m -count=1 -skip IPsec $(or $(PACKAGES),./test/vm/...)

.PHONY: test-ipsec-vm
test-ipsec-vm: deps-vm $(BIN)/vm ## Run the tests that need ESP in the kernel, in virtual machines with Debian's kernel (root)
	VM_KERNEL=$(BIN)/vm go test $(TESTFLAGS) -tags vm -timeout 10m -count=1 -v -run IPsec ./test/vm

.PHONY: test-multicast
test-multicast: deps ## Compare the gaps of multicast and of ordinary traffic over many changes of the active unit (root)
	HAPAIR_LONG=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -v -run 'TestMulticast|TestFFmpegPlaysAGroup' \
		./test/testbed/pair

.PHONY: test-wan
test-wan: deps ## Distribute 10,000 flows over two links, and check that none moves with a change of the active unit (root)
	HAPAIR_LONG=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -v -run TestFlowsKeepTheirLinks ./test/testbed/pair

.PHONY: test-tunnels
test-tunnels: deps ## Move the role under VPN tunnels again and again, and print how long 50 tunnels are silent (root)
	HAPAIR_LONG=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -v -run 'Tunnel' ./test/testbed/pair

.PHONY: test-soak
test-soak: ## Run connections through a pair for 10 minutes, and check for leaks (root)
	HAPAIR_LONG=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -v -run TestNothingGrows ./test/testbed/pair

.PHONY: test-overload
test-overload: deps ## Run failovers with 1,000 FTP and RTSP sessions, 10,000 elements, routes and leases, and 4,096 groups, and print what survives (root)
	HAPAIR_OVERLOAD=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -p 1 -v -run 'TestOverload' \
		./test/testbed/pair ./internal/firewall/gateway

.PHONY: test-routing
test-routing: deps ## Compare the gaps of traffic by OSPF, RIP and BGP and of ordinary traffic over changes of the active unit (root)
	HAPAIR_ROUTING=1 go test $(TESTFLAGS) -tags netns -timeout 20m -count=1 -v -run TestRouting ./test/testbed/pair

.PHONY: test-rest
test-rest: kubernetes-assets $(BIN)/manager ## Run the operator with unchanging pairs for 10 minutes, and check that it stays idle (root)
	go test $(TESTFLAGS) -tags apiserver -timeout 20m -count=1 $(or $(PACKAGES),./test/benchmark/operator)

.PHONY: test-cluster
test-cluster: prepare-demo $(BIN)/images/tickets.tar ## Run the tests on a real cluster (root)
	go test $(TESTFLAGS) -tags e2e -timeout 40m -count=1 ./test/e2e/... -ginkgo.label-filter='!long'

.PHONY: test-chaos
test-chaos: prepare-demo ## Run only the cluster tests that inject faults; RUNS=20 repeats, LOAD=1 keeps all processors busy (root)
	go test $(TESTFLAGS) -v -tags e2e -timeout 0 -count=1 ./test/e2e/... -ginkgo.focus='Under chaos' -ginkgo.v \
		-ginkgo.timeout=6h -chaos.runs=$(or $(RUNS),1) $(if $(LOAD),-chaos.load)

.PHONY: test-images
test-images: deps $(PACKAGED_IMAGES:%=$(BIN)/images/%.tar) ## Run the daemons of the images with Debian packages, and check that nothing they open is missing (root)
	@$(call install-packages,strace)
	go test $(TESTFLAGS) -tags images -timeout 10m -count=1 ./test/images/...

.PHONY: test-endurance
test-endurance: prepare-demo $(BIN)/images/tickets.tar $(BIN)/images/vpn.tar ## Move the role with every kind of connection and state in use, and print what happens to each (root)
	go test $(TESTFLAGS) -v -tags e2e -timeout 40m -count=1 ./test/e2e/... -ginkgo.label-filter=endurance

##@ Benchmarks

.PHONY: bench-failover
bench-failover: deps-bench kubernetes-assets $(BIN)/sidecar $(BIN)/bench-failover ## Measure failovers of hapair and of keepalived with conntrackd; RUNS=2 QUICK=1 SCENARIOS=power-off,flows ONLY=hapair (root)
	nice -n -10 $(BIN)/bench-failover $(if $(RUNS),--runs=$(RUNS)) $(if $(QUICK),--quick) \
		$(if $(SCENARIOS),--scenarios=$(SCENARIOS)) $(if $(ONLY),--only='$(ONLY)') $(BENCHFLAGS)

.PHONY: bench-failover-cluster
bench-failover-cluster: deps prepare-demo $(BIN)/bench-failover-cluster ## Measure failovers on the cluster, which stays up; RUNS=20 HEARTBEATS=100,50,20 EVENTS=switchover (root)
	$(BIN)/bench-failover-cluster --runs $(or $(RUNS),20) --heartbeats $(or $(HEARTBEATS),100) \
		$(if $(EVENTS),--events=$(EVENTS))

.PHONY: bench-replication
bench-replication: deps-bench $(BIN)/bench-replication ## Measure replication of hapair and of conntrackd; ROUNDS=5 QUICK=1 SCENARIOS=events,overload (root)
	nice -n -10 $(BIN)/bench-replication $(if $(ROUNDS),--rounds=$(ROUNDS)) $(if $(QUICK),--quick) \
		$(if $(SCENARIOS),--scenarios=$(SCENARIOS)) $(BENCHFLAGS)

.PHONY: bench-gate
bench-gate: deps-bench $(BIN)/bench-gate ## Measure the cost of an open gate for each packet; ROUNDS=8 (root)
	nice -n -10 $(BIN)/bench-gate --rounds $(or $(ROUNDS),8)

.PHONY: bench-edge
bench-edge: deps-bench $(BIN)/bench-edge $(BIN)/bench-gate ## Measure how fast a unit puts back what is taken away, and the cost of source validation; TIMES=100 ROUNDS=8 (root)
	$(BIN)/bench-edge --times $(or $(TIMES),100)
	nice -n -10 $(BIN)/bench-gate --data-plane --rounds $(or $(ROUNDS),8) --datagrams=2s --streams=2 --patience=5s

.PHONY: bench-providers
bench-providers: ## Measure writes and lists of the local provider API on an idle pair, and check what providers are promised
	HAPAIR_BENCH=1 nice -n -10 go test $(TESTFLAGS) -count=1 -v -run TestFigures ./internal/localapi/client

.PHONY: bench-operator
bench-operator: kubernetes-assets $(BIN)/manager $(BIN)/bench-operator ## Measure the operator with 1,000 and 5,000 pairs; PAIRS=1000 REST=2m QUICK=1 (root)
	$(BIN)/bench-operator $(if $(PAIRS),--pairs=$(PAIRS)) $(if $(REST),--rest=$(REST)) $(if $(QUICK),--quick) $(BENCHFLAGS)

##@ Simulation and model

SEEDS ?= 20000

.PHONY: simulate
simulate: ## Run SEEDS simulations of a pair with faults; SEEDS=1000000 takes some minutes
	go run ./test/simulation/cmd/simulate -seeds $(SEEDS)

.PHONY: model
model: deps-model ## Check a model of the HA protocol exhaustively, and check that its mutants fail
	docs/model/check.sh

##@ Code

# Where generated files are.
GENERATED := api config charts internal/applyconfiguration

.PHONY: generate
generate: $(BIN)/controller-gen ## Generate deep copies, apply configurations, CRDs, RBAC and the chart's copies of them
	$(BIN)/controller-gen object paths=./api/...
	rm -rf internal/applyconfiguration
	$(BIN)/controller-gen applyconfiguration paths=./api/...
	rm -f config/crd/hapair.io_*.yaml charts/hapair/files/crds/*.yaml
	$(BIN)/controller-gen crd paths=./api/... output:crd:dir=config/crd
	$(BIN)/controller-gen rbac:roleName=hapair-manager paths=./controllers/... output:rbac:dir=config/rbac
	go test ./internal/localapi/openapi -run TestDescriptionIsCurrent -update
	cp config/crd/hapair.io_*.yaml charts/hapair/files/crds/
	cp config/rbac/role.yaml charts/hapair/files/role.yaml
	cp config/admission/warnings.yaml charts/hapair/files/warnings.yaml

.PHONY: verify
verify: generate ## Check that the committed generated files and go.mod are up to date
	go mod tidy -diff
	@git diff --exit-code -- $(GENERATED) && [ -z "$$(git ls-files --others --exclude-standard -- $(GENERATED) | tee /dev/stderr)" ] || \
		{ echo 'Generated files differ: run "make generate" and commit'; exit 1; }

.PHONY: format
format: $(BIN)/golangci-lint ## Format the code
	$(BIN)/golangci-lint fmt

##@ Programs and images

.PHONY: build
build: $(PROGRAMS:%=$(BIN)/%) ## Build the programs of hapair for this machine

.PHONY: images
images: images-cluster $(PACKAGED_IMAGES:%=$(BIN)/images/%.tar) ## Build one OCI image for each program; PLATFORMS="linux/amd64 linux/arm64" selects platforms

# The images that run in the test cluster.
.PHONY: images-cluster
images-cluster: $(IMAGES:%=$(BIN)/images/%.tar) $(BIN)/images/pause.tar

.PHONY: update-packages
update-packages: $(BIN)/packages ## Lock the newest versions of the Debian packages in images
	for image in $(PACKAGED_IMAGES); do $(BIN)/packages update --image images/$$image $(MIRROR_FLAGS) || exit; done

.PHONY: tools
tools: $(BIN)/controller-gen $(BIN)/golangci-lint $(BIN)/helm $(BIN)/ginkgo $(BIN)/image ## Build the pinned development tools

.PHONY: kubernetes
kubernetes: kubernetes-assets $(BIN)/containerd $(BIN)/cni/bridge $(BIN)/cni/multinet ## Build Kubernetes and everything that its nodes need

.PHONY: prepare
prepare: tools prepare-demo $(BIN)/manager ## Build everything that the tests and the demo need

.PHONY: prepare-demo
prepare-demo: kubernetes images-cluster $(BIN)/helm $(BIN)/cluster $(BIN)/demo

# Installs the missing Debian packages of its argument.
install-packages = missing=; for p in $(1); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "Installing Debian packages:$$missing"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; fi

.PHONY: deps
deps: ## Install the Debian packages for the cluster and the tests
	@$(call install-packages,$(DEBIAN_PACKAGES))
	@if [ -d /run/systemd/system ]; then systemctl disable --quiet --now isc-dhcp-relay; fi # The tests start their own.

# The packages enable their daemons under systemd. Disable these, since benchmarks start their own.
.PHONY: deps-bench
deps-bench: deps ## Install the Debian packages for benchmarks
	@installed=$$(dpkg-query -W -f='$${Status}\n' $(BENCH_PACKAGES) 2>/dev/null | grep -c 'install ok installed'); \
	[ $$installed != $(words $(BENCH_PACKAGES)) ] || exit 0; \
	$(call install-packages,$(BENCH_PACKAGES)); \
	if [ -d /run/systemd/system ]; then systemctl disable --now keepalived conntrackd; fi

.PHONY: deps-model
deps-model: ## Install the Debian packages of the model checker
	@$(call install-packages,$(MODEL_PACKAGES))

.PHONY: deps-vm
deps-vm: ## Install the Debian packages of virtual machines
	@$(call install-packages,$(VM_PACKAGES))

# The package depends on the one of the current version.
$(BIN)/vm:
	@echo "Unpacking Debian's kernel for virtual machines"
	@rm -rf $@.new && mkdir -p $@.new
	@apt-get -qq update
	@cd $@.new && package=$$(apt-cache depends $(VM_KERNEL_PACKAGE) | awk '/Depends: linux-image/ {print $$2}') && \
		apt-get -qq download -o APT::Sandbox::User=root $${package:?apt has no $(VM_KERNEL_PACKAGE)} && dpkg-deb -x $$package*.deb . && rm $$package*.deb
	@mv $@.new $@

.PHONY: clean
clean: ## Remove all build results (run demo-down first)
	rm -rf $(BIN)

# --- programs of this module

$(PROGRAMS:%=$(BIN)/%): $(BIN)/%: $(SOURCES)
	go build -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*

$(BIN)/cluster: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/cluster/cmd/cluster

$(BIN)/bench-failover: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/failover/cmd/failover

$(BIN)/bench-replication: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/replication/cmd/replication

$(BIN)/bench-gate: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/gate/cmd/gate

$(BIN)/bench-edge: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/edge/cmd/edge

$(BIN)/bench-operator: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/operator/cmd/operator

$(BIN)/demo: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/demo

$(BIN)/bench-failover-cluster: $(SOURCES)
	go build -ldflags '-s -w' -o $@ ./test/benchmark/cluster/cmd/failover

# --- images: one static program each, without a base image

$(BIN)/images/pause.tar: PROGRAM := ./test/cluster/cmd/pause
$(BIN)/images/manager.tar: IMAGE_USER := 65532:65532
# These two need NET_ADMIN. A user other than root would lose its capabilities at exec.
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

# --- images with programs of Debian, below a program of this module

MIRROR_FLAGS := --cache $(BIN)/packages-cache $(foreach mirror,$(DEBIAN_MIRRORS),--mirror $(mirror))
$(BIN)/images/vpn.tar: LICENSES := Apache-2.0 AND GPL-2.0-or-later
$(BIN)/images/routing.tar: LICENSES := Apache-2.0 AND GPL-2.0-or-later AND BSD-3-Clause
$(PACKAGED_IMAGES:%=$(BIN)/images/%.tar): $(BIN)/images/%.tar: $(SOURCES) $(BIN)/image $(BIN)/packages images/%/contents.yaml images/%/packages.lock
	@set -e; for platform in $(PLATFORMS); do \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -ldflags '$(LDFLAGS)' -o $(BIN)/images/$$platform/$* ./cmd/$*; \
		$(BIN)/packages root --image images/$* --arch $${platform#*/} $(MIRROR_FLAGS) --output $(BIN)/images/$$platform/$*-root; done
	$(BIN)/image --name $(IMAGE_PREFIX)/$* --user 0:0 --entrypoint /$* --output $@ \
		--label org.opencontainers.image.title=hapair-$* --label org.opencontainers.image.version=$(VERSION) \
		--label 'org.opencontainers.image.licenses=$(LICENSES)' \
		$(foreach platform,$(PLATFORMS),--binary $(platform)=$(BIN)/images/$(platform)/$* --root $(platform)=$(BIN)/images/$(platform)/$*-root)

# The provider in shell, with the programs of this machine that it calls and their libraries.
TICKETS := examples/providers/tickets-shell
TICKETS_PROGRAMS := sh curl jq cat date head ls mkdir mkfifo mktemp rm sleep timeout
$(BIN)/images/tickets.tar: $(wildcard $(TICKETS)/*.sh) $(BIN)/image
	rm -rf $(BIN)/images/tickets-root
	@set -e; root=$(BIN)/images/tickets-root; install -D $(TICKETS)/probe.sh $$root/probe.sh; \
	for program in $(TICKETS_PROGRAMS); do \
		file=$$(readlink -f $$(command -v $$program)); install -D $$file $$root/bin/$$program; \
		ldd $$file | awk '/=> \// {print $$3} /^\t\/lib/ {print $$1}'; \
	done | sort -u | while read -r library; do install -D $$library $(BIN)/images/tickets-root$$library; done
	$(BIN)/image --name $(IMAGE_PREFIX)/tickets --user 20001:20001 --entrypoint /provider.sh --output $@ \
		--root $(BIN)/images/tickets-root --binary $(firstword $(PLATFORMS))=$(TICKETS)/provider.sh

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

$(BIN)/packages: $(wildcard $(TOOLS)/packages/*.go) go.mod go.sum
	go build -o $@ -ldflags '-s -w' ./$(TOOLS)/packages

##@ Help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*##/ {printf "  %-23s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
