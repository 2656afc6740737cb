# `make` alone lists the targets: the text after "##" is their help.
.DEFAULT_GOAL := help
SHELL := /bin/sh

BINARY := innius_exporter

# The version stamp. Only the .git of this directory counts: an unpacked archive inside another repository must not take
# that repository's version. The date is that of the commit, so that the same commit gives the same binary. The stamp holds
# no user and no host name: they describe the builder, not the program.
GIT := git --git-dir=.git
# Names of tags and branches may hold quotes and dollar signs, which the shell below must not see.
PLAIN := tr -cd 'A-Za-z0-9._/+-'
ifeq ($(VERSION),)
VERSION = $(or $(patsubst v%,%,$(shell $(GIT) describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | $(PLAIN))),0.0.0-dev)
endif
ifeq ($(REVISION),)
REVISION = $(or $(shell $(GIT) describe --always --exclude '*' --abbrev=40 --dirty=-modified 2>/dev/null),unknown)
endif
BRANCH = $(or $(shell $(GIT) symbolic-ref --quiet --short HEAD 2>/dev/null | $(PLAIN)),unknown)
COMMIT_DATE = $(shell TZ=UTC $(GIT) log -1 --date=format-local:'%Y%m%d-%H:%M:%S' --format=%cd 2>/dev/null)
BUILD_DATE = $(or $(COMMIT_DATE),$(shell date -u '+%Y%m%d-%H:%M:%S'))

STAMP := github.com/prometheus/common/version
LDFLAGS = -s -w -X $(STAMP).Version=$(VERSION) -X $(STAMP).Revision=$(REVISION) \
	-X $(STAMP).Branch=$(BRANCH) -X $(STAMP).BuildDate=$(BUILD_DATE)

# The race detector needs a working C compiler with headers and a kernel that it can run on. Running a race-enabled test
# binary shows whether they exist. RACE=-race requires the detector (CI does), RACE= omits it.
RACE ?= $(shell go test -race -run '^$$' os/user >/dev/null 2>&1 && echo -race)

# Any tool that understands a Dockerfile: make image IMAGE_BUILDER='docker build'
IMAGE_BUILDER ?= buildah bud --format docker
GO_IMAGE ?= docker.io/library/golang:1.26
# A tag of an image may not hold the + of a version.
IMAGE ?= $(BINARY):$(subst +,-,$(VERSION))

# What a release is built for.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
PACKAGE_ARCHS ?= amd64 arm64
DIST ?= dist

# A number of inputs: go test may report the end of a time given in seconds as a failure ("context deadline exceeded").
FUZZTIME ?= 10000x

.PHONY: help run build test check check-release lint fmt vulnerabilities check-mod check-config check-metrics check-rules check-freshness check-variants check-memory freshness month bench sizing million e2e e2e-delivery check-compose check-licences dashboards fuzz image check-image \
	binaries package-files packages deb rpm check-packages manifests check-kubernetes release-check release-snapshot release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: ## run the exporter with a simulated plant: no key, no network, no config; ARGS= are more flags
	go run . --demo $(ARGS)

build: ## build the static, version-stamped binary
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BINARY) .

# The tests that -short omits simulate days or many sensors. The race detector would make them take seven times as long, and the
# goroutines in them are those of the short tests.
test: ## run all tests, then the short ones with the race detector if a C compiler exists
	go test -shuffle=on -timeout 20m ./...
	@race='$(RACE)'; test -n "$$race" || { echo 'make test: nothing runs with -race, which needs a working C compiler'; exit 0; }; \
	set -x; go test $$race -short -shuffle=on -timeout 20m ./...

# Without root, in minutes. Needs promtool, amtool and shellcheck (Debian: prometheus, prometheus-alertmanager, shellcheck).
check: lint check-mod check-config check-metrics check-rules check-compose check-licences check-variants ## all checks before a pull request, besides test (no root, 5 min)

check-release: check check-memory check-freshness e2e fuzz check-image binaries check-packages check-kubernetes ## check, and what a release needs besides (needs root, 15 min)

lint: ## linters and import rules (.golangci.yml), shell scripts, and the words of the glossary (needs shellcheck)
	.ci/tool golangci-lint run ./...
	shellcheck $$(grep -lsE '^#!.*sh$$' .ci/* packaging/scripts/*)
	.ci/check-words

fmt: ## format the code
	.ci/tool golangci-lint fmt ./...

vulnerabilities: ## known vulnerabilities in code that the exporter calls (needs the network)
	.ci/tool govulncheck ./...

check-mod: ## go.mod and go.sum are tidy and complete
	go mod tidy -diff
	go mod verify

check-config: build ## the example config is valid
	INNIUS_API_KEY=check ./$(BINARY) check config --config.file=config.example.yml

check-metrics: build ## promtool accepts the metrics of the demo (needs promtool)
	.ci/check-metrics ./$(BINARY)

check-rules: ## the rules in prometheus/ pass their tests, which detect each broken rule; the examples load (needs promtool, amtool)
	.ci/check-rules

# They measure: do not run them together with other work.
FRESHNESS = go test ./internal/freshness -count=1 -v -timeout 0

check-freshness: ## how fresh readings are kept, in four short scenarios; whether plans come true; two days with every fault (minutes)
	$(FRESHNESS) -freshness short -soak.rounds 1

check-memory: ## hostile responses take bounded memory of a real process (seconds; Linux)
	go test ./internal/cli -count=1 -timeout 30m -v -run 'TestHostileResponsesTakeBoundedMemory$$' -memory

freshness: ## how fresh readings are kept, in all scenarios; writes docs/dev/freshness.md (up to an hour)
	mkdir -p docs/dev
	$(FRESHNESS) -run 'TestFreshness$$' -freshness full -freshness.write='$(CURDIR)/docs/dev/freshness.md' -freshness.revision='$(REVISION)' $(FRESHNESS_FLAGS)

# VARIANTS_FLAGS='-variants.seed=7 -variants.of=100' runs others than usual.
check-variants: ## 300 combinations of what is unknown about the API, with the exporter and with check api (minutes)
	go test ./internal/app -count=1 -timeout 30m -run 'TestExporterReadsEveryVariantOfTheAPI$$|TestCheckAPISettingsAppliedMechanicallyWork$$' -v -variants.full $(VARIANTS_FLAGS)

# One processor: CPU seconds of designs measured in turns, medians of BENCH_ROUNDS, and their ratios.
BENCH_ROUNDS ?= 5

bench: ## what scrapes, status pages and a sensor's memory cost, relative to the finished bytes (minutes)
	go test ./internal/app ./internal/poller -run '^$$' -cpu 1 -benchtime $(BENCH_ROUNDS)x -timeout 0 -bench .

SIZING_SECONDS ?= 600
SIZING_SENSORS ?= 100 1000 10000 100000

sizing: build ## memory and CPU time of the exporter as a process against the simulator: the table of docs/operations.md (an hour; Linux)
	.ci/sizing ./$(BINARY) $(SIZING_SECONDS) $(SIZING_SENSORS)

million: ## start the exporter with a million sensors and scrape it (minutes, 4 GB of memory)
	go test ./internal/e2e -count=1 -timeout 30m -v -run 'TestMillionSensorsAreServed$$' -million 1000000

month: ## a simulated month with every fault alone and all at random: a million requests (minutes)
	go test ./internal/freshness -count=1 -run 'TestSoak$$' -v -timeout 0 -soak.rounds 15 $(MONTH_FLAGS)

dashboards: ## write grafana/*.json from the code next to them; a test compares them
	go test ./grafana -count=1 -run 'TestFilesMatchTheCode$$' -update

check-compose: ## docs/compose.yaml is valid for docker compose
	@CGO_ENABLED=0 GOFLAGS= go -C .ci/compose run . '$(CURDIR)/docs/compose.yaml'

check-licences: ## the licence of every module in the binaries is Apache-2.0, MIT, BSD or ISC
	@CGO_ENABLED=0 GOFLAGS= go -C .ci/licences run . '$(CURDIR)'

PROMETHEUS ?= prometheus
ALERTMANAGER ?= prometheus-alertmanager

e2e: ## the exporter with real servers: each query returns data, each fault brings its alert (minutes; PROMETHEUS= and ALERTMANAGER= choose)
	go test ./internal/e2e -count=1 -timeout 30m -v -parallel 8 -e2e -e2e.prometheus='$(PROMETHEUS)' -e2e.alertmanager='$(ALERTMANAGER)'

DELIVERY_KILLS ?= 50

# DELIVERY_FLAGS=-delivery.seed=N kills at the same moments as before.
e2e-delivery: ## kill the exporter and real receivers of remote write: each reading arrives (6 min; builds them on first use, 4 min)
	.ci/tool prometheus --version >/dev/null
	.ci/tool victoria-metrics -version >/dev/null
	go test ./internal/e2e -count=1 -timeout 0 -v -run 'TestEachReadingIsDeliveredToEachReceiverOverKills$$' -e2e \
		-e2e.prometheus='$(PROMETHEUS)' -delivery $(DELIVERY_KILLS) $(DELIVERY_FLAGS)

fuzz: ## run each fuzz target for FUZZTIME (10000x: that many inputs)
	.ci/fuzz $(FUZZTIME)

image: ## build the container image from the Dockerfile (needs buildah, or IMAGE_BUILDER='docker build')
	$(IMAGE_BUILDER) --build-arg GO_IMAGE=$(GO_IMAGE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --tag $(IMAGE) --tag $(BINARY):latest .

check-image: ## build the image without a registry, run it and inspect it (needs buildah)
	.ci/check-image

binaries: ## build the binary for all PLATFORMS, into dist/OS-ARCH/
	@set -e; for platform in $(PLATFORMS); do os=$${platform%/*} arch=$${platform#*/}; exe=; \
	if test $$os = windows; then exe=.exe; fi; echo "building $$platform"; \
	GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' \
		-o $(DIST)/$$os-$$arch/$(BINARY)$$exe .; done

# Without a commit the packages carry the time of the build.
SOURCE_DATE_EPOCH ?= $(or $(shell $(GIT) log -1 --format=%ct 2>/dev/null),$(shell date +%s))
PACKAGE_VERSION = $(shell .ci/package-version '$(VERSION)')

package-files:
	@$(MAKE) --no-print-directory binaries PLATFORMS='$(PACKAGE_ARCHS:%=linux/%)'
	@.ci/man-page '$(VERSION)' "$$(date -u -d @$(SOURCE_DATE_EPOCH) +%Y-%m-%d)" | gzip -9 --no-name >$(DIST)/$(BINARY).1.gz
	@for shell in bash zsh; do go run . --completion-script-$$shell >$(DIST)/completion.$$shell; done

deb rpm: package-files ## build the packages of one format for PACKAGE_ARCHS from packaging/nfpm.yaml, into dist/
	@set -e; for arch in $(PACKAGE_ARCHS); do \
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) PACKAGE_VERSION='$(PACKAGE_VERSION)' PACKAGE_ARCH=$$arch DIST='$(DIST)' \
		.ci/tool nfpm package --config packaging/nfpm.yaml --packager $@ --target $(DIST)/; done

packages: deb rpm ## build deb and rpm

check-packages: ## install, run, upgrade and remove the deb and the rpm in a clean Debian (needs root, debootstrap, rpm)
	.ci/check-packages

# A module of its own, in which the exporter's build flags have no place.
KUBERNETES = CGO_ENABLED=0 GOFLAGS= go -C .ci/kubernetes run .

manifests: ## write packaging/kubernetes from the Helm chart
	$(KUBERNETES) -write '$(CURDIR)'

check-kubernetes: ## the chart and the manifests fit the types and rules of Kubernetes, and the exporter accepts their configs
	.ci/check-kubernetes

# Built from source on first use: some 3 minutes and 2 GB of Go's caches, which is why CI builds the same by other means.
GORELEASER = VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' .ci/tool goreleaser

release-check: ## packaging/goreleaser.yaml is valid (builds goreleaser on first use: minutes)
	$(GORELEASER) check --config packaging/goreleaser.yaml

release-snapshot: ## build a complete release into dist/release and inspect it, without publishing (builds goreleaser on first use)
	$(GORELEASER) release --snapshot --clean --config packaging/goreleaser.yaml
	.ci/check-release '$(VERSION)'

release: ## publish the tag that is checked out
	$(GORELEASER) release --clean --config packaging/goreleaser.yaml

clean: ## remove what these targets made
	rm -rf $(BINARY) dist .cache
