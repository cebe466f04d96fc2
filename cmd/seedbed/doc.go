/*
Seedbed finds question–answer pairs in books, papers and code, checks each
against the text it came from, and serves them for browsing, correcting and
exporting as training and evaluation sets.

	seedbed                     serve the web application on 127.0.0.1:7333
	seedbed worker              only work off jobs, beside others on one PostgreSQL database
	seedbed extract book.md     seeds as JSON Lines, without a server
	seedbed read paper.pdf      the text as Seedbed reads it
	seedbed backup all.zip      the data folder in one file; seedbed restore makes it one again
	seedbed user add ada        an account; from then on everybody logs in
	seedbed -h                  everything else

# A tour of the code

This folder reads flags, opens things and passes them in; serve.go shows the
whole program put together. Everything else follows the way of one document:

A person uploads a file. web takes the request and hands the bytes to
internal/jobs, which writes them to internal/blob under their SHA-256 and, in
one transaction of internal/store, adds the source, a run, and the job that
will read it.

A worker of internal/jobs picks the job up. internal/sandbox starts this same
program again as a child with limits on time and memory, so that no file can
take the server down; the child calls extract/read, which tells formats apart
and calls one package for each: extract/read/pdf, markdown, html, epub, repo
and so on. What comes back is an extract.Document: one text and the typed
blocks that cover it.

extract/chunk cuts the document into passages, whole blocks under one heading
path, and loses no character. Each passage becomes a job. The worker runs the
stages of the run's recipe over it: extract/stage has one stage a file, its
prompt beside it, and the recipes as YAML. Stages that ask a model go through
extract/llm, which keeps every reply, so that no answer is paid for twice.

The seeds, the run's progress, the change for the index and the end of the job
are one transaction. internal/search follows the changes; internal/export
streams what a person takes away. The database is the truth, the index is a
copy, a blob never changes.

# Where things are

	cmd/seedbed         flags, wiring, this tour
	web                 routes, pages, errors; web/view the templates; web/api the JSON API
	extract             the library: the words every part shares, and the runner
	extract/read        bytes to Document, one package a format
	extract/chunk       Document to passages
	extract/stage       the stages, their prompts, the recipes
	extract/llm         the model client; llmtest is the scripted server of its tests
	extract/measure     the scorecard of an extracted set
	internal/seedbed    what is stored: Source, Run, Filter, Error
	internal/store      all SQL
	internal/auth       accounts, sessions, tokens
	internal/blob       bytes by their hash
	internal/queue      the job queue
	internal/jobs       what a job does, retries, rescue
	internal/sandbox    the child process that reads files, and the jail that runs code
	internal/search     the index
	internal/export     training formats
	internal/backup     the data folder as one file, and back
	static              style sheet, scripts, icons
	bench               benchmarks that print ratios
	examples            a chapter, a paper and a repository to try it on

Imports point one way: cmd → web, internal → internal/seedbed → extract. The
test in imports_test.go keeps it so.
*/
package main
