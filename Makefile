# Everything a person types here. Needs npm, make and curl; Node itself comes from package.json.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install up down status fortune fortune-down test check ci bench clean

export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
HELLO := examples/hello/cluster.ts
FORTUNE := examples/fortune/cluster.ts

help: ## Show what can be made
	@printf 'Prunella: one file describes a cluster; it keeps itself alive.\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: node_modules/.prunella-installed ## Install the pinned Node and all packages

node_modules/.prunella-installed: package.json package-lock.json
	@echo 'Installing (about half a minute, once) ...' >&2
	@npm ci --no-audit --no-fund --loglevel=error >&2
	@touch $@

up: install ## Start the hello cluster as real processes
	@prunella up -f $(HELLO)

down: install ## End it and leave nothing behind
	@prunella down -f $(HELLO) --purge

status: install ## Show what runs where
	@prunella status -f $(HELLO)

fortune: install ## Start the fortune cookies, whose leader you may kill, on port 8080 (WEB_PORT)
	@prunella up -f $(FORTUNE)

fortune-down: install ## End them and forget all fortunes
	@prunella down -f $(FORTUNE) --purge

test: install lab/charts/node_modules ## Check, type-check and test everything
	@npm run --silent ci

lab/charts/node_modules: lab/charts/package-lock.json
	@npm ci --prefix lab/charts --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@touch $@

check: install ## Format and lint only
	@npm run --silent check

ci: test ## What CI runs

bench: install ## Run the benchmarks, for example: make bench WHAT=ring
	@npm run --silent bench -- $(WHAT)

clean: ## Remove what was built (not what runs: make down)
	@rm -rf node_modules core/dist shell/*/dist apps/*/dist
