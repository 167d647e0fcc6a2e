// Package program has what the programs have in common: how they run, end, log, and identify themselves. Packages in
// internal/cli call it. It links nothing that only one of them needs.
package program

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Run executes the command and returns the exit code. The first SIGINT or SIGTERM ends the command's context, and a
// second one ends the process. Run prints the command's error, and gives it the flag --version.
func Run(command *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	command.Version = BuildInfo().String()
	command.SilenceErrors = true
	command.SilenceUsage = true
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", command.Name(), err)
		return 1
	}
	return 0
}

// Logger returns a logger that writes to standard error, as json or as text. A higher verbosity logs more; 0 is for
// production.
func Logger(format string, verbosity int) logr.Logger {
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if format == "text" {
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	level := zapcore.Level(-min(max(verbosity, 0), 127))
	core := zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level)
	return zapr.NewLogger(zap.New(core))
}
