package server

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/state"
)

func TestEveryOperationIsServed(t *testing.T) {
	s := New(Config{Catalogue: state.Classes(), Tables: table.NewSet(state.Classes(), nil)})
	served := s.operations()
	for _, o := range localapi.Operations() {
		if served[o.ID] == nil {
			t.Errorf("%s is not served", o.ID)
		}
		delete(served, o.ID)
	}
	for id := range served {
		t.Errorf("%s is not in the list of operations", id)
	}
}

func TestBoundsAreThoseOfTheTables(t *testing.T) {
	b := localapi.Bounds()
	if b.KeyBytes != table.MaxKey || b.ValueBytes != table.MaxValue || b.ClassEntries != table.MaxEntries ||
		b.ClassBytes != table.MaxBytes {
		t.Errorf("%+v are not the bounds of a table", b)
	}
	if contract.MaxProviderEntries != table.MaxEntries || contract.MaxProviderMebibytes<<20 != table.MaxBytes {
		t.Error("the quotas of providers do not divide a table")
	}
	if longest, problem := localapi.Life(table.MaxLife.Seconds()); problem != nil || longest != table.MaxLife {
		t.Errorf("the longest life is %s, %v; want %s", longest, problem, table.MaxLife)
	}
	if _, problem := localapi.Life((table.MaxLife + time.Second).Seconds()); problem == nil {
		t.Error("a longer life is possible than a table allows")
	}
}

// FuzzAppendChange compares the encoder of lines with encoding/json.
func FuzzAppendChange(f *testing.F) {
	f.Add("key", "value", int64(0), uint64(7))
	f.Add("a\"b\\c\n<é\u2028\xff>", "\"", int64(90_061_001), uint64(1))
	f.Fuzz(func(t *testing.T, key, value string, milliseconds int64, revision uint64) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		c := table.Change{Revision: revision, Entry: table.Entry{
			Key: key, Value: text, Life: time.Duration(max(milliseconds, 0)%4_294_967_296) * time.Millisecond,
		}}
		for _, c.Deleted = range []bool{false, true} {
			var got localapi.Event
			if err := json.Unmarshal(appendChange(nil, c, key), &got); err != nil {
				t.Fatalf("%s: %v", appendChange(nil, c, key), err)
			}
			want := localapi.Event{Type: localapi.Delete, Key: key, Revision: revision}
			if !c.Deleted {
				want.Type, want.Value, want.Life = localapi.Put, text, localapi.Seconds(c.Life)
			}
			encoded, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			var decoded localapi.Event
			if err := json.Unmarshal(encoded, &decoded); err != nil {
				t.Fatal(err)
			}
			if got.Type != decoded.Type || got.Key != decoded.Key || string(got.Value) != string(decoded.Value) ||
				got.Life != decoded.Life || got.Revision != decoded.Revision {
				t.Errorf("got %+v, want %+v", got, decoded)
			}
		}
	})
}

// FuzzParseLine checks that no line of a batch gets past the bounds.
func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"type":"Put","key":"a","value":{"b":1},"life":1.5}`))
	f.Add([]byte(`{"type":"Delete","key":"a"}`))
	f.Add([]byte(`{"type":"Put","key":"` + "\x00" + `","value":1,"life":-1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		c := class{name: "leases", prefix: "leases/", table: table.New(table.Options{
			Class: state.Custom, Now: func() time.Duration { return 0 },
		})}
		change, problem := c.parseLine(line)
		if problem != nil {
			if problem.Field == "" || problem.Detail == "" {
				t.Errorf("%s: incomplete problem %+v", line, problem)
			}
			return
		}
		if !change.Deleted && !json.Valid(change.Value) {
			t.Errorf("%s: the value %s is not JSON", line, change.Value)
		}
		if _, err := c.table.Update(table.Batch{Changes: []table.Change{change}}); err != nil {
			t.Errorf("%s: the table refuses it: %v", line, err)
		}
	})
}
