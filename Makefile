.PHONY: run generate check test recipes golden image

run: ## serve on 127.0.0.1:7333
	go run ./cmd/seedbed

generate: ## write the templates' Go code again
	go generate ./...

check: ## lint, and see that generated code is up to date
	go tool golangci-lint run
	go generate ./...
	git diff --exit-code

test:
	go test ./...

recipes: ## run each recipe over the examples against a scripted model, with its scorecard
	go run ./bench/recipes

golden: ## accept what readers, stages and exporters print now
	go test $$(grep -rlE '/readtest"|"update"' --include=*_test.go . | xargs -n1 dirname | sort -u) -update

image: ## a container image of the one binary
	docker build -t seedbed .
