# The doors of the house. Each calls cargo or a script; the work is there.
.PHONY: run test check bench bench-peers fuzz docs

run: ## build and start a complete demo on loopback
	cargo run --release --bin heliograph -- demo --data demo-data

test: ## install what the tests need, then run everything
	tests/run

check: ## format and lint, as the continuous integration does
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings

bench: ## the load generator against this server
	bench/run

bench-peers: ## the same run against this server and Debian's postfix and dovecot
	bench/run --peers

fuzz: ## every fuzz target for FUZZ_SECONDS (default 60) each
	fuzz/run

docs: ## the book, in docs/book
	mdbook build docs
