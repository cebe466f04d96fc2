package jobs_test

import (
	"os"
	"time"
)

const serveEnv = "SEEDBED_JOBS_TEST_SERVE"

func serve(dir string) { os.Exit(0) }

func pause() { time.Sleep(5 * time.Millisecond) }
