package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// bed is a running server with a provider.
type bed struct {
	t         *testing.T
	server    *server.Server
	tables    *table.Set
	directory string
	http      *http.Client
}

// leases is the provider of the tests. It runs as the user of the test.
var leases = contract.Provider{
	Name: "kea", UID: int64(os.Getuid()), Writes: []string{"leases"}, Reads: []string{"guests"},
}

// newBed starts a server. A test changes its configuration with change, which may be nil.
func newBed(t *testing.T, change func(*server.Config)) *bed {
	t.Helper()
	b := &bed{t: t, directory: t.TempDir(), tables: table.NewSet(state.Classes(), clock.Boot)}
	for _, f := range b.tables.Factories() {
		if _, err := f.New(class.Options{}); err != nil { // as if it was replicated
			t.Fatal(err)
		}
	}
	config := server.Config{
		Pair: "edge", Namespace: "default", Unit: "primary", Directory: b.directory,
		Providers: []contract.Provider{leases}, Catalogue: state.Classes(), Tables: b.tables,
		Flush:        func(context.Context, state.Class) error { return engine.ErrNoStandby },
		IsPeerInSync: func() bool { return false },
		Log:          testr.New(t),
	}
	if change != nil {
		change(&config)
	}
	for _, p := range config.Providers {
		if err := os.Mkdir(filepath.Join(b.directory, p.Name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.server = server.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.server.Run(ctx) })
	b.http = b.connect("kea")
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for _, p := range config.Providers {
		b.eventually("the socket is open", func() bool {
			connection, err := net.Dial("unix", server.SocketOf(b.directory, p.Name))
			if err == nil {
				_ = connection.Close()
			}
			return err == nil
		})
	}
	return b
}

// connect returns a client of the socket of a provider.
func (b *bed) connect(provider string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", server.SocketOf(b.directory, provider))
	}}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (b *bed) eventually(what string, isTrue func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !isTrue(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("Not in %s: %s", patience, what)
		}
	}
}

// become sets the role, and waits until a provider can know it.
func (b *bed) become(role localapi.Role, term uint64) {
	b.t.Helper()
	b.server.Become(role, term)
	b.eventually("the role is known", func() bool {
		info := answer[localapi.Info](b, http.MethodGet, "/v1", "")
		return info.Role == role && info.Term == term
	})
}

// do sends a request and returns the response, whose body is closed at the end of the test.
func (b *bed) do(method, path, body string) *http.Response {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, "http://unit"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := b.http.Do(request)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	b.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// answer sends a request that succeeds, and decodes the response.
func answer[T any](b *bed, method, path, body string) T {
	b.t.Helper()
	var decoded T
	response := b.do(method, path, body) //nolint:bodyclose // The test closes it at its end.
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: status %d, %s", method, path, response.StatusCode, text)
	}
	if err := json.Unmarshal(text, &decoded); err != nil {
		b.t.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
	return decoded
}

// problem sends a request that fails, and returns the problem.
func (b *bed) problem(method, path, body string) *localapi.Problem {
	b.t.Helper()
	response := b.do(method, path, body) //nolint:bodyclose // The test closes it at its end.
	var p localapi.Problem
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	if response.Header.Get("Content-Type") != localapi.ProblemJSON || response.StatusCode != p.Status ||
		p.Status != p.Type.Status() || p.Title == "" || p.Detail == "" {
		b.t.Errorf("%s %s: status %d, %v, %+v", method, path, response.StatusCode, response.Header, p)
	}
	return &p
}

// put writes an entry in a term.
func (b *bed) put(key, value string, term int, query string) localapi.Written {
	b.t.Helper()
	path := fmt.Sprintf("/v1/classes/leases/entries/%s?term=%d%s", key, term, query)
	return answer[localapi.Written](b, http.MethodPut, path, value)
}

// events reads the lines of a stream.
type events struct {
	t       *testing.T
	scanner *bufio.Scanner
}

func (b *bed) stream(path string) events {
	b.t.Helper()
	response := b.do(http.MethodGet, path, "") //nolint:bodyclose // The test closes it at its end.
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != localapi.NDJSON {
		b.t.Fatalf("GET %s: status %d, %v", path, response.StatusCode, response.Header)
	}
	return events{b.t, bufio.NewScanner(response.Body)}
}

// next returns the next event in a short form. At the end of the stream it is empty.
func (e events) next() string {
	e.t.Helper()
	if !e.scanner.Scan() {
		return ""
	}
	var event localapi.Event
	if err := json.Unmarshal(e.scanner.Bytes(), &event); err != nil {
		e.t.Fatalf("%s: %v", e.scanner.Bytes(), err)
	}
	short := string(event.Type)
	if event.Key != "" {
		short += " " + event.Key
	}
	if event.Value != nil {
		short += "=" + string(event.Value)
	}
	if event.Role != "" {
		short += fmt.Sprintf(" %s in %d", event.Role, event.Term)
	}
	return short
}

func (e events) want(all ...string) {
	e.t.Helper()
	for _, want := range all {
		if got := e.next(); got != want {
			e.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestInfo(t *testing.T) {
	b := newBed(t, nil)
	info := answer[localapi.Info](b, http.MethodGet, "/v1", "")
	if info.Pair != "edge" || info.Namespace != "default" || info.Unit != "primary" || info.Role != localapi.None ||
		info.Limits != localapi.Bounds() || info.Grants.Writes[0] != "leases" || info.Grants.Reads[0] != "guests" {
		t.Errorf("got %+v", info)
	}
	b.become(localapi.Active, 8)
}

func TestEntries(t *testing.T) {
	b := newBed(t, nil)
	b.become(localapi.Active, 8)
	first := b.put("a%2Fb%20c", `{ "address": "192.0.2.1", "unknown": [1.0] }`, 8, "&life=3600")
	second := b.put("b", `1`, 8, "")
	if second.Revision <= first.Revision || first.Durable {
		t.Errorf("got %+v and %+v", first, second)
	}
	list := b.stream("/v1/classes/leases")
	list.want("List Active in 8", `Put a/b c={"address":"192.0.2.1","unknown":[1.0]}`, "Put b=1", "Listed", "")
	answer[localapi.Written](b, http.MethodDelete, "/v1/classes/leases/entries/b?term=8", "")
	answer[localapi.Written](b, http.MethodDelete, "/v1/classes/leases/entries/b?term=8", "")
	const batch = "/v1/classes/leases?term=8"
	answer[localapi.Written](b, http.MethodPost, batch,
		`{"type":"Put","key":"c","value":{"x": 1},"life":60,"field":"of a later version"}`+"\n\n"+
			`{"type":"Delete","key":"a/b c"}`)
	b.stream("/v1/classes/leases").want("List Active in 8", `Put c={"x":1}`, "Listed", "")
	answer[localapi.Written](b, http.MethodPost, batch+"&replace=true", `{"type":"Put","key":"d","value":2}`)
	b.stream("/v1/classes/leases").want("List Active in 8", "Put d=2", "Listed", "")
	custom, _ := b.tables.Table(state.Custom)
	if e, ok := custom.Get("leases/d"); !ok || string(e.Value) != "2" || custom.Len() != 1 {
		t.Errorf("the table has %+v", e)
	}
	// Another class in the same table is not touched.
	if err := custom.Put(table.Entry{Key: "guests/x", Value: []byte("3")}); err != nil {
		t.Fatal(err)
	}
	answer[localapi.Written](b, http.MethodPost, "/v1/classes/leases?term=8&replace=true", "")
	b.stream("/v1/classes/leases").want("List Active in 8", "Listed", "")
	b.stream("/v1/classes/guests").want("List Active in 8", "Put x=3", "Listed", "")
}

func TestProblems(t *testing.T) {
	b := newBed(t, nil)
	const entry = "/v1/classes/leases/entries/a"
	large := `"` + strings.Repeat("v", 8<<10) + `"`
	if p := b.problem(http.MethodPut, entry+"?term=1", "1"); p.Type != localapi.NotActive {
		t.Errorf("before the unit has a role: %v", p)
	}
	b.become(localapi.Active, 8)
	for _, c := range []struct {
		method, path, body string
		want               localapi.ProblemType
		field              string
	}{
		{"PUT", entry + "?term=7", "1", localapi.StaleTerm, "term"},
		{"PUT", entry + "?term=9", "1", localapi.StaleTerm, "term"},
		{"PUT", entry, "1", localapi.Invalid, "term"},
		{"PUT", entry + "?term=8&liffe=60", "1", localapi.Invalid, "liffe"},
		{"PUT", entry + "?term=8&life=1h", "1", localapi.Invalid, "life"},
		{"PUT", entry + "?term=8&life=0", "1", localapi.Invalid, "life"},
		{"PUT", entry + "?term=8&life=-1", "1", localapi.Invalid, "life"},
		{"PUT", entry + "?term=8&life=NaN", "1", localapi.Invalid, "life"},
		{"PUT", entry + "?term=8&durable=6", "1", localapi.Invalid, "durable"},
		{"PUT", entry + "?term=8&term=8", "1", localapi.Invalid, "term"},
		{"PUT", entry + "?term=8", "{", localapi.Invalid, "value"},
		{"PUT", entry + "?term=8", large, localapi.TooLarge, "value"},
		{"PUT", entry + "?term=8", strings.Repeat(" ", 40<<10) + "1", localapi.TooLarge, "body"},
		{"PUT", entry + strings.Repeat("k", 249) + "?term=8", "1", localapi.TooLarge, "key"},
		{"PUT", "/v1/classes/leases/entries/a%0Ab?term=8", "1", localapi.Invalid, "key"},
		{"PUT", "/v1/classes/guests/entries/a?term=8", "1", localapi.NotGranted, ""},
		{"DELETE", "/v1/classes/guests/entries/a?term=8", "", localapi.NotGranted, ""},
		{"POST", "/v1/classes/guests?term=8", "", localapi.NotGranted, ""},
		{"GET", "/v1/classes/others", "", localapi.NotGranted, ""},
		{"GET", "/v1/classes/ConnectionCache", "", localapi.UnknownClass, ""},
		{"GET", "/v1/classes/Custom", "", localapi.UnknownClass, ""},
		{"GET", "/v1/classes/Dreams", "", localapi.UnknownClass, ""},
		{"GET", "/v1/classes/leases?watch=yes", "", localapi.Invalid, "watch"},
		{"GET", "/v2", "", localapi.NotFound, ""},
		{"POST", "/v1", "", localapi.NotFound, ""},
		{"PUT", "/v1/classes/leases/held?revision=5", "", localapi.Invalid, "revision"},
		{
			"POST", "/v1/classes/leases?term=8", `{"type":"Put","key":"a","value":1}` + "\n" + `{"type":"Ping"}`,
			localapi.Invalid, "[1].key",
		},
		{"POST", "/v1/classes/leases?term=8", `{"type":"Ping","key":"a"}`, localapi.Invalid, "[0].type"},
		{"POST", "/v1/classes/leases?term=8", `{"type":"Put","key":"a"}`, localapi.Invalid, "[0].value"},
		{"POST", "/v1/classes/leases?term=8", `{"type":"Put","key":"a","value":1,"life":-3}`, localapi.Invalid, "[0].life"},
		{"POST", "/v1/classes/leases?term=8", "nonsense", localapi.Invalid, "[0].line"},
		{"POST", "/v1/classes/leases?term=8", strings.Repeat("\n", 1<<20+1), localapi.TooLarge, "body"},
	} {
		if p := b.problem(c.method, c.path, c.body); p.Type != c.want || p.Field != c.field {
			t.Errorf("%s %.60s: got %s in %q (%s), want %s in %q", c.method, c.path, p.Type, p.Field, p.Detail, c.want, c.field)
		}
	}
	if custom, _ := b.tables.Table(state.Custom); custom.Len() != 0 {
		t.Errorf("%d entries were written", custom.Len())
	}
	b.become(localapi.Standby, 8)
	if p := b.problem(http.MethodPut, entry+"?term=8", "1"); p.Type != localapi.NotActive {
		t.Errorf("on a standby: %v", p)
	}
}

// Two providers share a table. One that floods it is refused, and the other is not.
// Values of a class with a schema are validated, alone and in a batch. A refused batch writes nothing.
func TestValuesAreValidated(t *testing.T) {
	b := newBed(t, func(c *server.Config) {
		var err error
		if c.Schemas, err = schema.Published(); err != nil {
			t.Fatal(err)
		}
		c.Providers = append(slices.Clone(c.Providers), contract.Provider{
			Name: contract.ProviderFirewall, UID: int64(os.Getuid()), Writes: []string{"Multicast"},
		})
	})
	b.http = b.connect(contract.ProviderFirewall)
	b.become(localapi.Active, 8)
	const class, member = "/v1/classes/Multicast", "member%2Flan%2F239.1.1.1"
	p := b.problem(http.MethodPut, class+"/entries/"+member+"?term=8", `{"exclude":"yes"}`)
	if p.Type != localapi.Invalid || p.Field != "value.exclude" ||
		!strings.Contains(p.Detail, `class Multicast, key "member/lan/239.1.1.1"`) {
		t.Errorf("a value of another type: %v", p)
	}
	if p := b.problem(http.MethodPut, class+"/entries/a?term=8", `{}`); p.Field != "key" {
		t.Errorf("a key of another form: %v", p)
	}
	batch := `{"type":"Put","key":"route/239.1.1.1/192.0.2.1","value":{"in":"lan"}}` + "\n" +
		`{"type":"Put","key":"member/lan/239.1.1.1","value":{"wanted":["192.0.2.1","x"]}}`
	if p := b.problem(http.MethodPost, class+"?term=8", batch); p.Field != "[1].value.wanted[1]" {
		t.Errorf("a value in a batch: %v", p)
	}
	answer[localapi.Written](b, http.MethodPut, class+"/entries/"+member+"?term=8", `{"exclude":true,"later":1}`)
	multicast, _ := b.tables.Table(state.Multicast)
	if entries, _ := multicast.List(""); len(entries) != 1 || string(entries[0].Value) != `{"exclude":true,"later":1}` {
		t.Errorf("the class has %v, want only what was accepted", entries)
	}
}

func TestQuotasKeepProvidersApart(t *testing.T) {
	b := newBed(t, func(c *server.Config) {
		flooder, phones := leases, leases
		flooder.Writes = []string{"leases"}
		flooder.Quotas = []contract.ProviderQuota{{Class: "leases", Entries: 60_000}}
		phones.Name, phones.Writes, phones.Reads = "phones", []string{"calls"}, []string{"leases"}
		c.Providers = []contract.Provider{flooder, phones}
	})
	b.become(localapi.Active, 8)
	var problem *localapi.Problem
	written := 0
	for ; problem == nil && written < table.MaxEntries; written += 5000 {
		var batch strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&batch, `{"type":"Put","key":"%d","value":1}`+"\n", written+i)
		}
		response := b.do(http.MethodPost, "/v1/classes/leases?term=8", batch.String()) //nolint:bodyclose // at the end
		if response.StatusCode != http.StatusOK {
			problem = &localapi.Problem{}
			if err := json.NewDecoder(response.Body).Decode(problem); err != nil {
				t.Fatal(err)
			}
		}
	}
	const field = "spec.providers[kea].quotas[leases].entries"
	if problem == nil || problem.Type != localapi.Full || problem.Field != field ||
		!strings.Contains(problem.Detail, "delete entries, or raise entries of its quota") {
		t.Errorf("after %d entries: %+v", written, problem)
	}
	used := answer[localapi.Entitlements](b, http.MethodGet, "/v1/entitlements", "").Classes[0]
	if used.Class != "leases" || used.Used.Entries != 60_000 || used.Quota.Entries != 60_000 ||
		!slices.Contains(used.Operations, "putEntry") {
		t.Errorf("the flooder may %+v", used)
	}
	b.http = b.connect("phones")
	answer[localapi.Written](b, http.MethodPut, "/v1/classes/calls/entries/a?term=8", "1")
	all := answer[localapi.Entitlements](b, http.MethodGet, "/v1/entitlements", "").Classes
	if len(all) != 2 || all[0].Quota.Entries != 5536 || all[0].Used.Entries != 1 ||
		!slices.Equal(all[1].Operations, []string{"listClass", "putHeld"}) {
		t.Errorf("the other may %+v", all)
	}
}

// kernelClass is a class of the kernel with an entry for each of two objects.
type kernelClass struct{}

func (kernelClass) ObjectOf(key string) string { return key[:1] }

func (kernelClass) Update(table.Batch) error { return nil }

func (kernelClass) List() ([]table.Entry, error) {
	return []table.Entry{{Key: "a/1", Value: []byte("{}")}, {Key: "b/1", Value: []byte("{}")}}, nil
}

// A provider uses the objects that it was granted, and does not see others.
func TestGrantsOfObjects(t *testing.T) {
	limited, name := leases, state.DynamicAddressObjects.String()
	limited.Writes, limited.Reads, limited.AddressObjects = []string{name}, nil, []string{"a"}
	all := contract.Provider{Name: "all", UID: leases.UID, Writes: []string{name}}
	b := newBed(t, func(c *server.Config) {
		c.Providers = []contract.Provider{limited, all}
		c.Kernel = map[state.Class]server.KernelClass{state.DynamicAddressObjects: kernelClass{}}
	})
	b.become(localapi.Active, 8)
	class := "/v1/classes/" + name
	answer[localapi.Written](b, http.MethodPut, class+"/entries/a%2F2?term=8", "{}")
	batch := `{"type":"Put","key":"a/2","value":{}}` + "\n" + `{"type":"Delete","key":"b/1"}`
	for _, c := range []struct{ method, path, body, field string }{
		{http.MethodPut, class + "/entries/b%2F2?term=8", "{}", "key"},
		{http.MethodDelete, class + "/entries/b%2F1?term=8", "", "key"},
		{http.MethodPost, class + "?term=8", batch, "[1].key"},
	} {
		p := b.problem(c.method, c.path, c.body)
		if p.Type != localapi.NotGranted || p.Field != c.field || !strings.Contains(p.Detail, `address object "b"`) {
			t.Errorf("%s %s: got %v", c.method, c.path, p)
		}
	}
	list := func() (keys string) {
		events := b.stream(class)
		for e := events.next(); e != ""; e = events.next() {
			keys += e + ", "
		}
		return keys
	}
	if got := list(); strings.Contains(got, "b/1") || !strings.Contains(got, "a/1") {
		t.Errorf("the list has %s, want only object a", got)
	}
	if e := answer[localapi.Entitlements](b, http.MethodGet, "/v1/entitlements", ""); len(e.Classes) != 1 ||
		!slices.Equal(e.Classes[0].AddressObjects, []string{"a"}) {
		t.Errorf("the entitlements are %+v", e)
	}
	b.http = b.connect("all")
	answer[localapi.Written](b, http.MethodPost, class+"?term=8", batch)
	if got := list(); !strings.Contains(got, "b/1") || !strings.Contains(got, "a/1") {
		t.Errorf("the list of a provider with all objects has %s", got)
	}
}

// A class of the kernel has no table: neither a quota, nor anything to report.
func TestEntitlementsOfAKernelClass(t *testing.T) {
	b := newBed(t, func(c *server.Config) {
		p := leases
		p.Writes = append([]string{state.DynamicAddressObjects.String()}, p.Writes...)
		c.Providers = []contract.Provider{p}
		c.Kernel = map[state.Class]server.KernelClass{state.DynamicAddressObjects: kernelClass{}}
	})
	all := answer[localapi.Entitlements](b, http.MethodGet, "/v1/entitlements", "").Classes
	if len(all) != 3 || slices.Contains(all[0].Operations, "putHeld") || !slices.Contains(all[0].Operations, "putEntry") ||
		all[0].Quota != (localapi.Quantity{}) || all[1].Quota.Entries != localapi.Bounds().ClassEntries {
		t.Errorf("got %+v", all)
	}
}

func TestFullClass(t *testing.T) {
	b := newBed(t, nil)
	b.become(localapi.Active, 8)
	custom, _ := b.tables.Table(state.Custom)
	all := make([]table.Change, table.MaxEntries)
	for i := range all {
		all[i].Entry = table.Entry{Key: fmt.Sprint("leases/", i), Value: []byte("1")}
	}
	if _, err := custom.Update(table.Batch{Changes: all}); err != nil {
		t.Fatal(err)
	}
	if p := b.problem(http.MethodPut, "/v1/classes/leases/entries/more?term=8", "1"); p.Type != localapi.Full {
		t.Errorf("got %v", p)
	}
	b.put("7", "2", 8, "")
}

func TestOtherUserIsRefused(t *testing.T) {
	b := newBed(t, func(c *server.Config) {
		other := leases
		other.UID++
		c.Providers = []contract.Provider{other}
	})
	for _, path := range []string{"/v1", "/v1/classes/leases", "/v1/events"} {
		if p := b.problem(http.MethodGet, path, ""); p.Type != localapi.NotGranted ||
			!strings.Contains(p.Detail, fmt.Sprint("user ", os.Getuid())) {
			t.Errorf("%s: got %v", path, p)
		}
	}
}

func TestWatch(t *testing.T) {
	b := newBed(t, nil)
	b.become(localapi.Active, 8)
	b.put("a", "1", 8, "")
	watch := b.stream("/v1/classes/leases?watch=true")
	watch.want("List Active in 8", "Put a=1", "Listed")
	b.put("b", "2", 8, "")
	watch.want("Put b=2")
	answer[localapi.Written](b, http.MethodDelete, "/v1/classes/leases/entries/a?term=8", "")
	watch.want("Delete a")
	b.server.HandoverSoon()
	watch.want("HandoverSoon")
	b.become(localapi.Standby, 9)
	watch.want("Role Standby in 9")
}

// A standby sees every change of the peer before it learns that it is active.
func TestChangesComeBeforeTheRole(t *testing.T) {
	b := newBed(t, nil)
	b.become(localapi.Standby, 8)
	watch := b.stream("/v1/classes/leases?watch=true")
	watch.want("List Standby in 8", "Listed")
	peer := table.New(table.Options{Class: state.Custom, Now: clock.Boot})
	custom, _ := b.tables.Table(state.Custom)
	for term := uint64(9); term < 3000; term += 2 {
		key := fmt.Sprint(term)
		if err := peer.Put(table.Entry{Key: "leases/" + key, Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		err := peer.Class().Source.Snapshot(t.Context(), func(changes []state.Change) error {
			_, err := custom.Class().Sink.Apply(t.Context(), changes)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.server.Become(localapi.Active, term)
		watch.want("Put "+key+"=1", "Role Active in "+key)
		b.server.Become(localapi.Standby, term+1)
		watch.want(fmt.Sprint("Role Standby in ", term+1))
	}
}

// Entries that nothing replicates end with the role. The provider must follow by then, or it would ignore that.
func TestUnreplicatedEntriesEndAfterTheRole(t *testing.T) {
	b := newBed(t, func(c *server.Config) { c.Tables = table.NewSet(state.Classes(), clock.Boot) })
	b.become(localapi.Active, 8)
	watch := b.stream("/v1/classes/leases?watch=true")
	watch.want("List Active in 8", "Listed")
	for term := 8; term < 100; term += 2 {
		b.put("a", "1", term, "")
		watch.want("Put a=1")
		b.server.Become(localapi.Standby, uint64(term+1))
		watch.want(fmt.Sprint("Role Standby in ", term+1), "Delete a")
		b.become(localapi.Active, uint64(term+2))
		watch.want(fmt.Sprint("Role Active in ", term+2))
	}
}

func TestEvents(t *testing.T) {
	b := newBed(t, nil)
	b.become(localapi.Standby, 7)
	stream := b.stream("/v1/events")
	stream.want("Role Standby in 7")
	b.become(localapi.Standby, 8)
	stream.want("Term Standby in 8")
	b.become(localapi.Active, 9)
	stream.want("Role Active in 9")
	b.server.HandoverSoon()
	stream.want("HandoverSoon")
}

func TestDurable(t *testing.T) {
	flushed := make(chan error, 1)
	b := newBed(t, func(c *server.Config) {
		c.Flush = func(ctx context.Context, id state.Class) error {
			if id != state.Custom {
				return fmt.Errorf("class %s was flushed", id)
			}
			select {
			case err := <-flushed:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	b.become(localapi.Active, 8)
	flushed <- nil
	if w := b.put("a", "1", 8, "&durable=5"); !w.Durable {
		t.Errorf("got %+v although the standby has it", w)
	}
	if w := b.put("a", "2", 8, ""); w.Durable {
		t.Errorf("got %+v although nobody asked", w)
	}
	flushed <- errors.New("no standby")
	if w := b.put("a", "3", 8, "&durable=5"); w.Durable {
		t.Errorf("got %+v although there is no standby", w)
	}
	start := time.Now()
	if w := b.put("a", "4", 8, "&durable=0.02"); w.Durable || time.Since(start) < 20*time.Millisecond {
		t.Errorf("got %+v after %s although the standby does not answer", w, time.Since(start))
	}
	b.stream("/v1/classes/leases").want("List Active in 8", "Put a=4", "Listed", "")
}

func TestBounds(t *testing.T) {
	held := make(chan struct{})
	b := newBed(t, func(c *server.Config) {
		c.Flush = func(ctx context.Context, _ state.Class) error {
			held <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
	})
	b.become(localapi.Active, 8)
	for range localapi.Bounds().Watches {
		b.stream("/v1/classes/leases?watch=true").want("List Active in 8")
	}
	if p := b.problem(http.MethodGet, "/v1/events", ""); p.Type != localapi.Busy {
		t.Errorf("one watch too many: got %v", p)
	}
	var writes sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer writes.Wait()
	defer cancel()
	for range localapi.Bounds().Requests {
		writes.Go(func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodDelete,
				"http://unit/v1/classes/leases/entries/a?term=8&durable=5", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			if response, err := b.http.Do(request); err == nil {
				_ = response.Body.Close()
			}
		})
		<-held
	}
	if p := b.problem(http.MethodGet, "/v1", ""); p.Type != localapi.Busy {
		t.Errorf("one request too many: got %v", p)
	}
	cancel()
	b.eventually("a request is served again", func() bool {
		response := b.do(http.MethodGet, "/v1", "") //nolint:bodyclose // The test closes it at its end.
		return response.StatusCode == http.StatusOK
	})
}

// A watch that does not read is ended, and the others are not delayed.
func TestStalledWatchIsEnded(t *testing.T) {
	b := newBed(t, func(c *server.Config) { c.StallTimeout = time.Second / 2 })
	b.become(localapi.Active, 8)
	stalled, err := net.Dial("unix", server.SocketOf(b.directory, "kea"))
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close() //nolint:errcheck // It only reads.
	if _, err := io.WriteString(stalled, "GET /v1/classes/leases?watch=true HTTP/1.1\r\nHost: unit\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	value := `"` + strings.Repeat("v", 8<<10-2) + `"`
	watch := b.stream("/v1/classes/leases?watch=true")
	watch.scanner.Buffer(nil, 1<<20)
	watch.want("List Active in 8", "Listed")
	for i := range 500 { // more than the buffers of a socket hold
		b.put(fmt.Sprint(i), value, 8, "")
		if got := watch.next(); !strings.HasPrefix(got, fmt.Sprintf("Put %d=", i)) {
			t.Fatalf("got %.20q, want entry %d", got, i)
		}
	}
	time.Sleep(time.Second)
	read, err := io.Copy(io.Discard, stalled)
	t.Logf("The stalled watch was ended after %d bytes: %v", read, err)
	if read > 500*8<<10 {
		t.Error("the stalled watch got everything")
	}
}

func TestHeld(t *testing.T) {
	b := newBed(t, nil)
	b.become(localapi.Active, 8)
	w := b.put("a", "1", 8, "")
	path := fmt.Sprintf("/v1/classes/leases/held?revision=%d", w.Revision)
	response := b.do(http.MethodPut, path, "") //nolint:bodyclose // The test closes it at its end.
	if response.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", response.StatusCode)
	}
}

// A provider of a standby that does not report is behind, and no longer when it does.
func TestFollow(t *testing.T) {
	b := newBed(t, func(c *server.Config) { c.HeldTimeout = 50 * time.Millisecond })
	changes := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		b.server.Follow(ctx, func(behind string) {
			select {
			case changes <- behind:
			case <-ctx.Done():
			}
		})
	})
	defer following.Wait()
	defer cancel()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("Not checked as %q", want)
		}
	}
	b.become(localapi.Standby, 7)
	custom, _ := b.tables.Table(state.Custom)
	for _, key := range []string{"leases/a", "phones/a"} { // The phones are of another provider.
		if err := custom.Put(table.Entry{Key: key, Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	const lacks = "provider kea lacks changes of class leases"
	expect(lacks)
	response := b.do(http.MethodPut, "/v1/classes/leases/held?revision=1", "") //nolint:bodyclose // at the end of the test
	if response.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", response.StatusCode)
	}
	expect("")
	if err := custom.Delete("leases/a"); err != nil {
		t.Fatal(err)
	}
	expect(lacks)
	b.become(localapi.Active, 8)
	expect("")
}

func TestEveryUserCanConnect(t *testing.T) {
	b := newBed(t, nil)
	if info, err := os.Stat(server.SocketOf(b.directory, "kea")); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the socket is %v, %v; another user must be able to connect", info.Mode(), err)
	}
}
