# The modules of the repository, over which tests and linters run: the sidecar itself, the reader library, its Prometheus collector and the
# tests on real clusters.
MODULES := . pkg/targetsfile pkg/targetsfile/prom test
BIN     := $(CURDIR)/bin
# The ends of the supported versions of Kubernetes, and those that are tested. Whatever names no version runs on the newest.
OLDEST  := 1.29.15
NEWEST  := 1.37.2
MATRIX  ?= $(OLDEST) 1.31.14 1.33.5 1.34.4 1.35.4 1.36.3 $(NEWEST)
# The tests of the program on an API server, those that every version is run through.
CLUSTER := ./follow ./auth ./deploy ./sidecar
# Of the tests in test/, those whose own process runs goroutines of the product: they take the race detector. The others look at the
# program from outside; the program itself is always built with the race detector. Torture runs a reader, too, but with so much load that
# the detector would take a quarter more time, and tests of the reader elsewhere run with it.
RACE    := ./auth ./follow ./integration ./openapi ./prometheus
# Of the tests in test/, those that need no program but the go command, and few libraries beside the product's.
LIGHT   := ./controlplane/binaries ./exposition ./internal/... ./openapi ./reader
# The tags of the sidecar begin with v, those of the reader with its path. The length of a commit's name would depend on the clone.
VERSION := $(patsubst v%,%,$(shell git describe --tags --match 'v[0-9]*' --always --abbrev=12 --dirty 2>/dev/null))

# -race needs cgo. One value for every build keeps the build cache of kube-apiserver valid.
export CGO_ENABLED = 1
# By default a program that looks for races waits a second before it ends, in case goroutines still run.
export GORACE ?= atexit_sleep_ms=0

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: run
run: ## Run the sidecar on deploy/examples: it serves 127.0.0.1:8095 and writes run/targets.json.
	@mkdir -p run
	go run ./cmd/refresh-sidecar --manifests deploy/examples --snapshot-path run/targets.json \
		--listen-address 127.0.0.1:8095 --log-format console

.PHONY: build
build: ## Build the static binary bin/refresh-sidecar.
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN)/refresh-sidecar ./cmd/refresh-sidecar

# Vet, which would look at all libraries as well, is run by lint. The binaries are linked without debugging information.
TEST := go test -vet=off -ldflags=-w -shuffle=on -timeout 15m

# First what most tests are built of; then the modules at once, several packages each, since much of their time is waiting.
.PHONY: test
test: ## Run the tests that need only Go and a C compiler, within minutes.
	go build -race ./internal/...
	@$(MAKE) --no-print-directory -j2 --output-sync=none test-sidecar test-libraries
	@echo "NOT RUN: most of test/, which needs a Kubernetes, a Prometheus, Helm, a node or large libraries. \`make check\` builds them and runs all."

.PHONY: test-sidecar
test-sidecar:
	$(TEST) -p 3 -race ./...

.PHONY: test-libraries
test-libraries:
	@set -e; for m in $(filter-out . test,$(MODULES)); do echo "== go test in $$m"; (cd $$m && $(TEST) -p 3 -race ./...); done
	cd test && $(TEST) -p 3 -race -short $(LIGHT)

.PHONY: controlplane
controlplane: ## Build kube-apiserver, etcd, kubectl, Helm and Prometheus for the tests, once, into the user's cache.
	cd test && go run ./controlplane/cmd/build

# These tests wait most of the time, and by default only as many run at a time as there are cores.
REAL := $(TEST) -parallel 6

.PHONY: controlplane-oldest
controlplane-oldest:
	cd test && go run ./controlplane/cmd/build -kubernetes $(OLDEST) kube-apiserver

.PHONY: test-newest
test-newest: controlplane ## Run all tests of test/, on the newest Kubernetes.
	cd test && $(REAL) -race $(RACE)
	cd test && $(REAL) $$(go list ./... | grep -vE '/test/($(subst $(eval ) ,|,$(RACE:./%=%))|torture)$$')
	cd test && $(REAL) ./torture # which takes all cores for itself

.PHONY: test-oldest
test-oldest: controlplane controlplane-oldest ## Run the cluster tests on the oldest supported Kubernetes.
	cd test && KUBERNETES_VERSION=$(OLDEST) $(REAL) -race $(filter $(RACE),$(CLUSTER))
	cd test && KUBERNETES_VERSION=$(OLDEST) $(REAL) $(filter-out $(RACE),$(CLUSTER)) ./compatibility

# What is counted at rest takes 15 minutes, and the stalled watch 3.
.PHONY: matrix
matrix: controlplane ## Run the cluster tests on seven versions of Kubernetes, MATRIX, and write docs/compatibility.md; takes hours.
	@set -e; cd test; for v in $(MATRIX); do export KUBERNETES_VERSION=$$v; echo "== Kubernetes $$v"; \
		go run ./controlplane/cmd/build -kubernetes $$v kube-apiserver; \
		go test -race -shuffle=on -count 1 -timeout 15m $(CLUSTER); \
		go test -count 1 -timeout 15m -run '^TestFacts$$' ./compatibility -args -patient -write; done
	@set -e; cd test; for v in $(OLDEST) $(NEWEST); do export KUBERNETES_VERSION=$$v; echo "== Kubernetes $$v, what it costs"; \
		go test -count 1 -timeout 30m -parallel 3 -run '^TestCosts$$' ./compatibility -args -costs -write; \
		go test -count 1 -timeout 15m -run '^TestStalledStream$$' ./torture -args -full; done

.PHONY: whole-way
whole-way: controlplane ## Show the whole way, from a Secret on a real API server to an alert at a webhook.
	cd test && go test -count 1 -v -run '^TestTheWholeWay$$' ./integration

.PHONY: bench
bench: ## Run the benchmarks that need no API server.
	@set -e; for m in . pkg/targetsfile; do echo "== benchmarks in $$m"; (cd $$m && go test -run '^$$' -bench . -benchmem ./...); done

.PHONY: bench-cluster
bench-cluster: controlplane ## Measure what is wanted, on a real API server, into docs/performance.md; fails below the least.
	cd test && go run ./bench/cmd/bench cluster

.PHONY: bench-compare
bench-compare: controlplane ## Measure 1.0.0 and this version in turns, into docs/performance.md; fails below the least.
	cd test && go run ./bench/cmd/bench compare

.PHONY: bench-profile
bench-profile: controlplane ## Take CPU profiles of 1.0.0 and of this version, into docs/performance.md.
	cd test && go run ./bench/cmd/bench profile

.PHONY: scale-compare
scale-compare: controlplane ## Measure 200 sidecars of 1.0.0 and of this version in turns, into docs/scale.md; takes 4 GiB of memory.
	cd test && go run ./bench/cmd/bench scale -before 78fc569

.PHONY: scale
scale: controlplane ## Measure 200 sidecars on one API server, into docs/scale.md; takes 4 GiB of memory.
	cd test && go run ./bench/cmd/bench scale

.PHONY: cover
cover: controlplane ## Print the statement coverage of internal/ and pkg/, the tests on real clusters counted.
	@./test/coverage.sh

.PHONY: gvisor
gvisor: ## Measure a pod in gVisor, with and without the mount hint: the table of docs/compatibility.md; needs runsc and root.
	cd test && go test -count 1 -v -parallel 4 ./gvisor -args -changes 20

.PHONY: status-page
status-page: ## Write docs/status-page.png, the page in Debian's Chromium.
	cd test && go test -count 1 -run '^TestEverybodyCanReadThePage$$/^one_is_invalid' ./page -args -write

SOAK ?= 30m
FUZZ ?= 10m

.PHONY: torture
torture: controlplane ## Run the fault, security and scale suite in its long form, within 10 minutes; writes docs/reliability.md.
	cd test && go test -count 1 -v -timeout 15m -parallel 12 ./torture -args -full -report ../../docs/reliability.md

.PHONY: soak
soak: controlplane ## Run the sidecar under churn for SOAK=30m; writes docs/reliability.md.
	cd test && go test -count 1 -v -timeout 0 -run '^TestSoak$$' ./torture -args -soak $(SOAK) -section soak -report ../../docs/reliability.md

.PHONY: fuzz
fuzz: ## Fuzz what reads Secrets, manifests and snapshots, FUZZ=10m each.
	@set -e; for f in kube:FuzzReadSecret secret:FuzzDecode secret:FuzzDecodeFields secret:FuzzDecodeMemory manifests:FuzzManifest; do \
		go test -run '^$$' -fuzz "^$${f#*:}\$$" -fuzztime $(FUZZ) ./internal/$${f%:*}; done
	@set -e; cd pkg/targetsfile; for f in FuzzDecode FuzzLoadsAfterLoads FuzzScanEntry FuzzDiff FuzzRedactError; do \
		go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) .; done
	cd test && go test -run '^$$' -fuzz '^FuzzAgainstKubectl$$' -fuzztime $(FUZZ) -fuzzminimizetime 10x ./manifests

.PHONY: lint
lint: $(BIN)/staticcheck $(BIN)/gosec ## Check format, vet, staticcheck, gosec and the go.mod files.
	@test -z "$$(gofmt -l .)" || { echo "gofmt differs in:"; gofmt -l .; exit 1; }
	@set -e; for m in $(MODULES) tools; do echo "== lint in $$m"; (cd $$m && go vet ./... && go mod tidy -diff && \
		$(BIN)/staticcheck ./... && $(BIN)/gosec); done

.PHONY: vulncheck
vulncheck: $(BIN)/govulncheck ## Look for known vulnerabilities; skipped, aloud, where the database cannot be reached.
	@for m in . pkg/targetsfile pkg/targetsfile/prom; do (cd $$m && $(CURDIR)/test/vulncheck.sh $(BIN)/govulncheck) || exit 1; done

# What a release is made of. Everything else that is shipped, the image's content too, comes from test/release.
RELEASE = cd test && go run ./release/cmd/release -C .. -version $(or $(VERSION),devel)

.PHONY: image
image: ## Build the container image for amd64 and arm64, without a container engine: bin/refresh-sidecar.tar, an OCI archive.
	@mkdir -p $(BIN)
	$(RELEASE) -o $(BIN)/refresh-sidecar.tar image

.PHONY: release
release: ## Make a release of the commit into dist/: archives, image, chart, bills of materials, checksums; twice the same bytes.
	rm -rf dist
	$(RELEASE) -o ../dist all

.PHONY: notices
notices: ## Write THIRD_PARTY_NOTICES.txt, the licences of what is linked; fails on one that is unknown or not allowed.
	$(RELEASE) notices

NODE := exec $(BIN)/node $(MAY_SKIP) -logs $(CURDIR)/run/node

.PHONY: e2e-images
e2e-images: ## Build the images of the e2e tests, bin/e2e-*.tar: what deploy/ names, and the next version for an upgrade.
	cd test && go build -o $(BIN)/ ./image/cmd/image
	@set -e; write() { $(BIN)/image -C . -platforms linux/$$(go env GOARCH) -o $(BIN)/e2e-$$1.tar -name $$2 -version $${2##*:} $$3 $$4; }; \
		for v in 1.0.0 1.0.1; do write $$v alert-history/refresh-sidecar:$$v -port=8095/tcp ./cmd/refresh-sidecar; done; \
		write elsewhere registry.example.com/elsewhere/sidecar:1.0.0 -port=8095/tcp ./cmd/refresh-sidecar; \
		write app alert-history/alert-history:1.0.0 ./examples/app /var/run/publishing-targets/targets.json

.PHONY: e2e
ifdef E2E_IMAGE
e2e: ## Run deploy/ on a real one-node cluster of its own, which takes root, or on yours: KUBECONFIG=… E2E_IMAGE=…
	$(if $(KUBECONFIG),,$(error KUBECONFIG=… says which cluster))
	cd test && go run ./controlplane/cmd/build helm && go test -count 1 -v -timeout 30m -parallel 4 ./e2e
else
e2e: e2e-images
	cd test && go run ./controlplane/cmd/build helm && go build -o $(BIN)/ ./node/cmd/node && go test -c -o $(BIN)/e2e.test ./e2e
	cd test/e2e && $(NODE) $(patsubst %,-image $(BIN)/e2e-%.tar,1.0.0 1.0.1 app) $(BIN)/e2e.test -test.v -test.timeout 20m -test.parallel 4
endif

.PHONY: e2e-elsewhere
e2e-elsewhere: e2e-images ## Start a node, and run `make e2e` on it as on somebody's cluster.
	cd test && go build -o $(BIN)/ ./node/cmd/node
	$(NODE) $(patsubst %,-image $(BIN)/e2e-%.tar,elsewhere app) sh -euc 'umask 077; kubectl config view --raw --flatten >run/elsewhere.kubeconfig; \
		exec env MAKEFLAGS= make e2e KUBECONFIG=$(CURDIR)/run/elsewhere.kubeconfig E2E_IMAGE=registry.example.com/elsewhere/sidecar:1.0.0'

.PHONY: check
check: export MAY_SKIP := $(if $(E2E_REQUIRED),,-may-skip)
check: ## Everything that has to pass before a change lands. Without root, the real node is left out, aloud, unless E2E_REQUIRED=1.
	@$(MAKE) test
	@$(MAKE) lint vulncheck
	@$(MAKE) controlplane controlplane-oldest
	@$(MAKE) test-newest
	@$(MAKE) -j2 --output-sync=target test-oldest e2e-elsewhere
	@$(MAKE) e2e

.PHONY: clean
clean: ## Remove what was built here. The user's cache stays.
	rm -rf bin run dist

$(BIN)/staticcheck $(BIN)/gosec $(BIN)/govulncheck &: tools/go.mod tools/gosec/main.go
	cd tools && GOBIN=$(BIN) go install tool
	@touch $(BIN)/staticcheck $(BIN)/gosec $(BIN)/govulncheck
