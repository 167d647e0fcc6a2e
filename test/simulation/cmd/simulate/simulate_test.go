package main

import (
	"context"
	"strings"
	"testing"
)

func TestSimulate(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		// wants are parts of what is printed, and fails of the error; empty where there must be none.
		wants []string
		fails string
	}{
		"some seeds": {
			args:  []string{"-seeds", "100", "-from", "7"},
			wants: []string{"runs", "100 seeds from 7 in", "drill: active loses its power"},
		},
		"a while": {
			args:  []string{"-duration", "200ms", "-workers", "1"},
			wants: []string{"seeds from 1 in"},
		},
		"one": {
			args:  []string{"-seed", "3"},
			wants: []string{"seed 3, noise 3", "heartbeat"},
		},
		"one traced": {
			args:  []string{"-seed", "3", "-trace"},
			wants: []string{"primary   begins life 1", "→ CloseGate", "witness   held by"},
		},
		"one that does not shrink": {
			args:  []string{"-seed", "3", "-shrink"},
			wants: []string{"seed 3, noise 3"},
		},
		"failing": {
			args:  []string{"-mutation", "only says it is closed", "-lines", "3"},
			wants: []string{"violates one active", "the last of what happens", "judge     one active at"},
			fails: `-trace -mutation "a gate that only says it is closed", and with -shrink`,
		},
		"no flag":     {args: []string{"seed 3"}, fails: `"seed 3" is no flag`},
		"no mutation": {args: []string{"-mutation", "x"}, fails: "there are: half of a grant is waited for; "},
	} {
		t.Run(name, func(t *testing.T) {
			var out, progress strings.Builder
			err := simulate(context.Background(), test.args, &out, &progress)
			if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Fatalf("error %v, expected is %q", err, test.fails)
			}
			for _, want := range test.wants {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in what is printed:\n%s", want, out.String())
				}
			}
		})
	}
}
