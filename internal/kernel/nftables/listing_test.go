package nftables

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// listing answers each question with the next of its answers, and then with the last one again.
func listing[T any](answers ...func() (T, error)) (list func() (T, error), asked *int) {
	asked = new(int)
	return func() (T, error) {
		answer := answers[min(*asked, len(answers)-1)]
		*asked++
		return answer()
	}, asked
}

func some(keys string) func() (map[string]Element, error) {
	return func() (map[string]Element, error) {
		all := map[string]Element{}
		for _, key := range strings.Split(keys, "") {
			all[key] = Element{Key: []byte(key)}
		}
		return all, nil
	}
}

// An element that exists is missing only if all listings left it out, and one that is gone is not there.
func TestListingsAreCompleted(t *testing.T) {
	type answers []func() (map[string]Element, error)
	failed := errors.New("no answer")
	unanswered := func() (map[string]Element, error) { return nil, failed }
	for name, c := range map[string]struct {
		listings answers
		exist    string
		want     string
		asked    int
		err      error
	}{
		"the same twice":            {answers{some("abc")}, "abc", "abc", 2, nil},
		"nothing":                   {answers{some("")}, "", "", 2, nil},
		"the first lacks one":       {answers{some("ab"), some("abc")}, "abc", "abc", 2, nil},
		"the second lacks one":      {answers{some("abc"), some("ab"), some("abc")}, "abc", "abc", 3, nil},
		"each lacks another":        {answers{some("bc"), some("ac"), some("ab"), some("abc")}, "abc", "abc", 4, nil},
		"one is removed meanwhile":  {answers{some("abc"), some("ab")}, "ab", "ab", 2, nil},
		"all are removed meanwhile": {answers{some("abc"), some("")}, "", "", 2, nil},
		"one is always missing":     {answers{some("abc"), some("ab")}, "abc", "abc", 5, nil},
		"the second fails":          {answers{some("abc"), unanswered}, "abc", "", 2, failed},
	} {
		t.Run(name, func(t *testing.T) {
			list, asked := listing(c.listings...)
			find := func(key string) (Element, bool, error) {
				return Element{Key: []byte(key)}, strings.Contains(c.exist, key), nil
			}
			all, err := complete(list, find)
			if got := strings.Join(slices.Sorted(maps.Keys(all)), ""); got != c.want ||
				!errors.Is(err, c.err) || *asked != c.asked {
				t.Errorf("%d listings return %q, %v; want %q, %v after %d", *asked, got, err, c.want, c.err, c.asked)
			}
		})
	}
}

func TestInterruptedListingsAreRepeated(t *testing.T) {
	answer := func(n int, err error) func() (int, error) { return func() (int, error) { return n, err } }
	failed := errors.New("no answer")
	for name, c := range map[string]struct {
		answers []func() (int, error)
		want    int
		asked   int
		err     error
	}{
		"whole":                     {[]func() (int, error){answer(1, nil)}, 1, 1, nil},
		"interrupted once":          {[]func() (int, error){answer(1, errInterrupted), answer(2, nil)}, 2, 2, nil},
		"interrupted, but twice so": {[]func() (int, error){answer(1, errInterrupted), answer(1, errInterrupted)}, 1, 2, nil},
		"fails after it":            {[]func() (int, error){answer(1, errInterrupted), answer(0, failed)}, 0, 2, failed},
	} {
		list, asked := listing(c.answers...)
		got, err := steady(list, func(a, b int) bool { return a == b })
		if got != c.want || !errors.Is(err, c.err) || *asked != c.asked {
			t.Errorf("%s: %d questions return %d, %v; want %d, %v", name, *asked, got, err, c.want, c.err)
		}
	}
	n := 0
	_, err := steady(func() (int, error) { n++; return n, errInterrupted }, func(a, b int) bool { return a == b })
	if n != dumpAttempts || !errors.Is(err, errInterrupted) || !strings.Contains(fmt.Sprint(err), "nft monitor") {
		t.Errorf("%d listings that differ end with %v", n, err)
	}
}
