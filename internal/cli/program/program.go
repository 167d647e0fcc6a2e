// Package program is what the programs have in common: how they are run, end, and log. It links nothing that only one
// of them needs.
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

// Run executes the command with a context that the first SIGINT or SIGTERM ends, prints its error, and returns the exit
// code. A second signal ends the process at once.
func Run(command *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	command.SilenceErrors = true
	command.SilenceUsage = true
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", command.Name(), err)
		return 1
	}
	return 0
}

// Logger writes to standard error, as json or as text. Higher verbosity tells more; 0 is what an operator wants.
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
