package web_test

import (
	"flag"
	"log/slog"
	"net"
	"os/signal"
	"syscall"
	"testing"

	"seedbed/web"
	"seedbed/web/webtest"
)

var demo = flag.String("demo", "", "serve the sample library on this address: go test ./web -run TestServeDemo -timeout 0 -demo 127.0.0.1:7444")

// TestServeDemo is for looking at the pages while changing them.
func TestServeDemo(t *testing.T) {
	if *demo == "" {
		t.Skip("needs -demo ADDRESS")
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", *demo)
	if err != nil {
		t.Fatal(err)
	}
	f := webtest.Sample()
	s := web.New(slog.Default(), web.Options{Library: f, Seeds: f, Exporter: f, Now: f.Now, Version: "demo", LocalOnly: true})
	if err := s.Serve(ctx, l); err != nil {
		t.Fatal(err)
	}
}
