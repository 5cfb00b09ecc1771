# Tidings. `make help` lists what there is; `make run` needs Go alone.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Versions and packages of tools stand here and nowhere else; those of libraries are in go.mod and package.json.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GATEWAYS    := $(patsubst %/package.json,%,$(wildcard gateways/conformance/*/package.json))
APT         := chromium firefox-esr webkit2gtk-driver xvfb xauth nginx-light redis-server haproxy apache2-bin curl php-cli python3 g++ pgbouncer postgresql
GO          ?= go
# Without msgpack, which nothing here speaks, gin adds 2 MB to the binary instead of 9.
TAGS        := nomsgpack
# What is built and committed, so that go build needs no Node.
BUILT       := clientjs/dist examples/dashboard/dist internal/admin/dist

export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin

.PHONY: help run cluster build test check lint house fuzz bench client packages release rename-module sim nemesis kills profile deps oracle clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/  make \1\t\2/' | expand -t 18

run: ## start the server for development, with a start page and the demo, on http://127.0.0.1:8080/ (needs only Go)
	$(GO) run -tags $(TAGS) ./cmd/tidings serve --dev $(ARGS)

cluster: build ## three nodes on Redis behind HAProxy, and a page on which you kill one: http://127.0.0.1:8090/cluster/
	$(GO) run -tags $(TAGS) ./examples/cluster $(ARGS)

build: ## build bin/tidings
	$(GO) build -trimpath -tags $(TAGS) -o bin/tidings ./cmd/tidings

test: deps build ## install what the tests need, then run every suite and print what each ran
	$(GO) vet -tags $(TAGS) ./...
	-$(GO) run ./internal/tools/rows
	TIDINGS_BINARY=$(CURDIR)/bin/tidings $(GO) run ./internal/tools/testall

check: ## the quick part (under 2 minutes): format, vet, short Go tests
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(GO) run ./internal/tools/testall -short go

lint: ## format, vet, staticcheck, and that what is generated and committed is up to date
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(GO) run $(STATICCHECK) -tags $(TAGS) -checks inherit,-ST1005 ./...  # ST1005: an error that names a field starts like the field
	$(GO) run ./internal/tools/rows >/dev/null
	npm run --silent build
	npm run --silent build:demo
	npm run --silent build:admin
	@test -z "$$(git status --porcelain -- $(BUILT))" || { git --no-pager diff --stat -- $(BUILT); git status --short -- $(BUILT); echo 'what is built is not what is committed: run "make client" and commit it'; exit 1; }

house: ## print how the code is cut: uses from file to file, lengths, what is documented
	@$(GO) run ./internal/tools/house

FUZZTIME ?= 10m
fuzz: ## run every fuzz target; FUZZTIME is of all together: make fuzz FUZZTIME=5h ARGS='-match Decode -keep 20'
	$(GO) run ./internal/tools/fuzzall -tags $(TAGS) -time $(FUZZTIME) $(ARGS)

bench: build ## measure the binary beside a raw server, see docs/PERFORMANCE.md
	$(GO) build -tags $(TAGS) -o bin/bench ./internal/bench
	bin/bench -tidings bin/tidings $(ARGS)

client: node_modules/.package-lock.json ## build clientjs/dist, the demo and the admin page from their sources
	npm run --silent build
	npm run --silent build:demo
	npm run --silent build:admin

VERSION ?= 0.1.0-dev
release: ## everything that is handed out of a version, into release/: make release VERSION=0.1.0 ARGS='-only linux/amd64'
	$(GO) run ./internal/tools/release -version $(VERSION) $(ARGS)

rename-module: ## give the Go module another path: make rename-module MODULE=example.org/you/tidings
	$(GO) run ./internal/tools/rename $(MODULE)

packages: build clientjs/setups/node_modules/.package-lock.json clientjs/setups/next/node_modules/.package-lock.json ## install the packed client into fresh projects, with Next.js, and try each
	SETUPS=all TIDINGS_BINARY=$(CURDIR)/bin/tidings npm run --silent test:packages

sim: ## run the simulator for longer than the tests do: make sim ARGS='-seeds 100000'
	$(GO) run ./sim/cmd/sim $(ARGS)

nemesis: build ## ten minutes of chaos on the built binary, with 200 clients: make nemesis ARGS='-seed 7 -v', see docs/PROOF.md
	$(GO) run -tags $(TAGS) ./sim/nemesis -tidings bin/tidings $(ARGS)

kills: ## kill -9 of 100 processes a store that write documents and publish them, and of more at each step: see docs/documents.md
	set -o pipefail; TIDINGS_STORE_KILLS=100 $(GO) test -tags $(TAGS) ./store/sqlite ./store/postgres -count 1 -run Kill -v | grep -vE '^(=== |    --- PASS)'

profile: ## CPU, memory and mutex profiles of the benchmarks of one package: make profile PKG=./actors
	@mkdir -p bench-out
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem -cpuprofile bench-out/cpu.prof -memprofile bench-out/mem.prof -mutexprofile bench-out/mutex.prof -o bench-out/bench.test $(or $(PKG),./core)
	$(GO) tool pprof -top -nodecount 25 bench-out/cpu.prof

deps: node_modules/.package-lock.json clientjs/setups/node_modules/.package-lock.json ## install what the tests need: Debian packages (as root), Node modules, the oracle
	@missing=(); \
	for pkg in $(APT); do dpkg -s $$pkg 2>/dev/null | grep -q '^Status: install ok installed' || missing+=($$pkg); done; \
	if (($${#missing[@]})); then \
		echo "installing $${missing[*]}"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi
	@$(MAKE) --no-print-directory oracle
	@$(MAKE) --no-print-directory $(GATEWAYS:%=%/node_modules/.package-lock.json)

# The clients of other systems, each folder with versions of its own.
gateways/conformance/%/node_modules/.package-lock.json: gateways/conformance/%/package-lock.json
	cd $(<D) && npm ci --silent
	@touch $@

oracle: filter/oracle/node_modules/.package-lock.json ## install Koncorde, beside which the filters are tested (it compiles for some minutes)

# Its native parts are built here, against the headers that came with Node, so that nothing but npm's registry is asked.
filter/oracle/node_modules/.package-lock.json: filter/oracle/package-lock.json
	cd filter/oracle && npm_config_nodedir="$$(node -p 'path.resolve(process.execPath, "../..")')" DOWNLOAD_FORCE_BUILD=1 npm ci --silent
	@touch $@

node_modules/.package-lock.json: package-lock.json
	npm ci --silent
	@touch $@

clientjs/setups/node_modules/.package-lock.json: clientjs/setups/package-lock.json
	cd $(<D) && npm ci --silent
	@touch $@

clientjs/setups/next/node_modules/.package-lock.json: clientjs/setups/next/package-lock.json
	cd $(<D) && npm ci --silent
	@touch $@

clean: ## remove what the targets above made
	rm -rf bin release bench-out .cache node_modules filter/oracle/node_modules clientjs/setups/node_modules clientjs/setups/next/node_modules gateways/conformance/*/node_modules *.test *.prof
