// Command lint prints where the files below some folders leave the project's English.
package main

import (
	"fmt"
	"os"

	"github.com/hapair-io/hapair/test/architecture/internal/language"
)

func main() {
	folders := os.Args[1:]
	if len(folders) == 0 {
		folders = []string{"."}
	}
	failed := false
	for _, folder := range folders {
		report, err := language.CheckTree(".", folder)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for _, finding := range report.Findings {
			fmt.Println(finding)
		}
		if report.Sentences > 0 {
			fmt.Printf("%s: %.1f words a sentence in %d sentences\n", folder, report.Average(), report.Sentences)
		}
		failed = failed || len(report.Findings) > 0
	}
	if failed {
		os.Exit(1)
	}
}
