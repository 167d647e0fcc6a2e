package nameserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// loopback is an address of this process alone, so that no connection of another program has the ports of a test.
var loopback = ownLoopback(88)

func ownLoopback(number byte) netip.Addr {
	return netip.AddrFrom4([4]byte{127, number, byte(os.Getpid() >> 8), byte(os.Getpid() | 1)})
}

// at returns the address at which a test listens.
func at() string { return netip.AddrPortFrom(loopback, 0).String() }

// taken returns how many places are taken.
func (l *limits) taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// noLeases has no hosts.
type noLeases struct{}

func (noLeases) AddressOf(string) (netip.Addr, bool) { return netip.Addr{}, false }
func (noLeases) NameOf(netip.Addr) (string, bool)    { return "", false }

// upstreamOf runs a server on a loopback address that answers by UDP and TCP, until the test ends. It does not answer
// what the function returns nil for.
func upstreamOf(t *testing.T, answer func(network string, question *dns.Msg) *dns.Msg) document.DNSUpstream {
	t.Helper()
	packets, err := net.ListenPacket("udp", at())
	if err != nil {
		t.Fatal(err)
	}
	at := packets.LocalAddr().(*net.UDPAddr).AddrPort()
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	for network, server := range map[string]*dns.Server{
		"udp": {PacketConn: packets}, "tcp": {Listener: listener},
	} {
		server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			if reply := answer(network, question); reply != nil {
				_ = w.WriteMsg(reply)
			}
		})
		done := make(chan struct{})
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(done)
			_ = server.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			_ = server.Shutdown()
			<-done
		})
	}
	return document.DNSUpstream{Address: at.Addr(), Port: at.Port(), TimeoutMilliseconds: 4000}
}

// addressed answers a question with addresses.
func addressed(question *dns.Msg, addresses ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(question)
	for _, a := range addresses {
		m.Answer = append(m.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300},
			A:   net.ParseIP(a).To4(),
		})
	}
	return m
}

// bed is a server whose clients are on this host.
type bed struct {
	*testing.T
	server *Server
	at     string
}

// documentOf returns a document with a listener on the loopback address.
func documentOf(upstreams ...document.DNSUpstream) document.DNS {
	return document.DNS{
		Listeners: []document.DNSListener{{
			Address: loopback, Clients: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}},
		Upstreams: upstreams,
	}
}

func newBed(t *testing.T, d document.DNS) *bed {
	t.Helper()
	free, err := net.ListenPacket("udp", at())
	if err != nil {
		t.Fatal(err)
	}
	port := free.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	b := &bed{T: t, server: New(testr.New(t), noLeases{}), at: netip.AddrPortFrom(loopback, port).String()}
	b.server.port, b.server.prepare = port, nil // Tests need no routes, and not every user may mark sockets.
	b.server.Set(d)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.server.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	b.await("the server listens", func() bool {
		_, err := b.try("udp", "localhost.", time.Second)
		return err == nil
	})
	return b
}

// await waits until a condition holds.
func (b *bed) await(what string, holds func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("it never happened that %s", what)
		}
	}
}

func (b *bed) try(network, name string, timeout time.Duration) (*dns.Msg, error) {
	client := dns.Client{Net: network, Timeout: timeout}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), b.at)
	return reply, err
}

// ask asks for the addresses of a name, and returns them and the kind of the answer.
func (b *bed) ask(network, name string) string {
	b.Helper()
	reply, err := b.try(network, name, patience)
	if err != nil {
		b.Fatalf("asking for %s: %v", name, err)
	}
	parts := []string{dns.RcodeToString[reply.Rcode]}
	if reply.Truncated {
		parts = append(parts, "truncated")
	}
	for _, r := range reply.Answer {
		if a, ok := r.(*dns.A); ok {
			parts = append(parts, a.A.String())
		}
	}
	return strings.Join(parts, " ")
}

func (b *bed) expect(network, name, want string) {
	b.Helper()
	if got := b.ask(network, name); got != want {
		b.Errorf("%s by %s: %s, want %s", name, network, got, want)
	}
}

// expectSilence asks for a name, and checks that no answer has come once a condition holds.
func (b *bed) expectSilence(network, name string, holds func() bool) {
	b.Helper()
	conn, err := dns.DialTimeout(network, b.at, patience)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // The test has ended.
	if err := conn.WriteMsg(new(dns.Msg).SetQuestion(name, dns.TypeA)); err != nil {
		b.Fatal(err)
	}
	b.await("the question is seen", holds)
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if reply, err := conn.ReadMsg(); err == nil {
		b.Errorf("%s is answered by %s with %s", name, network, reply)
	}
}

// A question goes to the servers of its domain, once. What the unit knows goes to nobody.
func TestAnswers(t *testing.T) {
	var asked, corp atomic.Int32
	d := documentOf(upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg {
		asked.Add(1)
		if strings.HasPrefix(q.Question[0].Name, "no.") {
			return new(dns.Msg).SetRcode(q, dns.RcodeNameError)
		}
		return addressed(q, "192.0.2.1")
	}))
	d.Forwarding = []document.DNSForwarding{{
		Domains: []string{"corp.example"},
		Upstreams: []document.DNSUpstream{upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg {
			corp.Add(1)
			return addressed(q, "10.9.9.1")
		})},
	}}
	d.Records = []document.DNSRecord{
		{Name: "nas.example", Addresses: []netip.Addr{netip.MustParseAddr("192.168.50.20")}},
		{Name: "intranet.example", Alias: "www.corp.example"},
	}
	b := newBed(t, d)
	for range 2 {
		b.expect("udp", "www.example.com.", "NOERROR 192.0.2.1")
		b.expect("tcp", "WWW.example.COM.", "NOERROR 192.0.2.1")
		b.expect("udp", "www.corp.example.", "NOERROR 10.9.9.1")
		b.expect("udp", "intranet.example.", "NOERROR 10.9.9.1")
		b.expect("udp", "nas.example.", "NOERROR 192.168.50.20")
		b.expect("udp", "1.0.0.10.in-addr.arpa.", "NXDOMAIN")
	}
	b.expect("udp", "no.example.com.", "NXDOMAIN")
	if asked.Load() != 2 || corp.Load() != 1 {
		t.Errorf("%d questions were asked, and %d of the domain", asked.Load(), corp.Load())
	}
	got := b.server.Counts()
	got.Known = 0 // It has those of the beginning.
	if want := (contract.DNSCounts{Cached: 6, Forwarded: 3, UpstreamAnswers: 3, CacheEntries: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// A server that does not answer is left for the next one, and is not asked first for a while. A server that cannot tell
// is not the last word.
func TestFailover(t *testing.T) {
	var silent atomic.Int32
	first := upstreamOf(t, func(string, *dns.Msg) *dns.Msg {
		silent.Add(1)
		return nil
	})
	first.TimeoutMilliseconds = 50
	broken := upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg {
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	})
	good := upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg { return addressed(q, "192.0.2.1") })
	b := newBed(t, documentOf(first, broken, good))
	for i := range 10 {
		b.expect("udp", fmt.Sprintf("n%d.example.", i), "NOERROR 192.0.2.1")
	}
	// Two losses are tolerated. On a slow machine, the pause after them may end.
	if n := silent.Load(); n < 2 || n == 10 {
		t.Errorf("the silent server was asked %d times", n)
	}
	b.server.Set(documentOf(broken))
	b.expect("udp", "n.example.", "SERVFAIL")
	if got := b.server.Counts(); got.Failed != 1 {
		t.Errorf("counted %+v", got)
	}
}

// A long answer is asked for by TCP, and reaches a client by TCP.
func TestLongAnswers(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("192.0.2.%d", i))
	}
	b := newBed(t, documentOf(upstreamOf(t, func(network string, q *dns.Msg) *dns.Msg {
		m := addressed(q, many...)
		if network == "udp" {
			m.Truncate(512)
		}
		return m
	})))
	b.expect("tcp", "many.example.", "NOERROR "+strings.Join(many, " "))
	if got := b.ask("udp", "many.example."); !strings.HasPrefix(got, "NOERROR truncated") {
		t.Errorf("a datagram has %s", got)
	}
}

// With a random spelling, only an answer with that spelling counts. A server that changes it is asked by TCP.
func TestRandomSpelling(t *testing.T) {
	var mu sync.Mutex
	spelled := map[string]bool{}
	d := documentOf(upstreamOf(t, func(network string, q *dns.Msg) *dns.Msg {
		name := q.Question[0].Name
		mu.Lock()
		spelled[name] = true
		mu.Unlock()
		if strings.EqualFold(name, "changed.example.") && network == "udp" {
			q.Question[0].Name = strings.ToUpper(name)
			return addressed(q, "192.0.2.66")
		}
		return addressed(q, "192.0.2.1")
	}))
	d.RandomCase = document.ChoiceEnabled
	b := newBed(t, d)
	b.expect("udp", "a-long-name-that-has-many-letters.example.", "NOERROR 192.0.2.1")
	b.expect("udp", "changed.example.", "NOERROR 192.0.2.1")
	if spelled["a-long-name-that-has-many-letters.example."] {
		t.Error("the name was not spelled at random")
	}
	if got := b.server.Counts().Foreign; got != 1 {
		t.Errorf("%d answers were ignored", got)
	}
}

// Datagrams that do not answer the question are ignored. Too many of them are an attack, and the server is asked by
// TCP.
func TestForgedAnswers(t *testing.T) {
	packets, err := net.ListenPacket("udp", at())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packets.Close() })
	at := packets.LocalAddr().(*net.UDPAddr).AddrPort()
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	stream := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(addressed(q, "192.0.2.2"))
	})}
	done := make(chan struct{}, 2)
	go func() { _ = stream.ActivateAndServe(); done <- struct{}{} }()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	go func() {
		defer func() { done <- struct{}{} }()
		buffer := make([]byte, 512)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buffer[:n]) != nil {
				continue
			}
			forged := 3
			if strings.HasPrefix(q.Question[0].Name, "attacked.") {
				forged = 100
			}
			for i := range forged {
				m := addressed(q, "192.0.2.66")
				m.Id += uint16(i + 1)
				data, _ := m.Pack()
				_, _ = packets.WriteTo(data, from)
			}
			data, _ := addressed(q, "192.0.2.1").Pack()
			_, _ = packets.WriteTo(data, from)
		}
	}()
	b := newBed(t, documentOf(document.DNSUpstream{Address: at.Addr(), Port: at.Port(), TimeoutMilliseconds: 4000}))
	b.expect("udp", "disturbed.example.", "NOERROR 192.0.2.1")
	if n := b.server.Counts().Foreign; n != 3 {
		t.Errorf("%d datagrams were ignored", n)
	}
	b.expect("udp", "attacked.example.", "NOERROR 192.0.2.2")
	_ = packets.Close()
	<-done
}

// Each question has a source port and an ID that a stranger cannot tell from the ones before.
func TestQuestionsAreHardToGuess(t *testing.T) {
	packets, err := net.ListenPacket("udp", at())
	if err != nil {
		t.Fatal(err)
	}
	at := packets.LocalAddr().(*net.UDPAddr).AddrPort()
	const count = 64
	ports, ids := map[string]bool{}, map[uint16]bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buffer[:n]) != nil {
				continue
			}
			ports[from.String()], ids[q.Id] = true, true
			data, _ := addressed(q, "192.0.2.1").Pack()
			_, _ = packets.WriteTo(data, from)
		}
	}()
	b := newBed(t, documentOf(document.DNSUpstream{Address: at.Addr(), Port: at.Port(), TimeoutMilliseconds: 4000}))
	for i := range count {
		b.expect("udp", fmt.Sprintf("n%d.example.", i), "NOERROR 192.0.2.1")
	}
	_ = packets.Close()
	<-done
	// Of 28,000 ports and 65,536 IDs, chance repeats hardly any.
	if len(ports) < count-4 || len(ids) < count-4 {
		t.Errorf("%d questions had %d ports and %d IDs", count, len(ports), len(ids))
	}
}

// Clients with the same question wait for one answer.
func TestSameQuestionIsAskedOnce(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	b := newBed(t, documentOf(upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg {
		asked.Add(1)
		<-release
		return addressed(q, "192.0.2.1")
	})))
	var clients sync.WaitGroup
	const count = 20
	for range count {
		clients.Go(func() { b.expect("udp", "www.example.", "NOERROR 192.0.2.1") })
	}
	b.await("all questions wait", func() bool { return b.server.questions.taken() == count })
	close(release)
	clients.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

// A client has a bounded number of questions at once, and others are still answered.
func TestLimits(t *testing.T) {
	release := make(chan struct{})
	b := newBed(t, documentOf(upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg {
		<-release
		return addressed(q, "192.0.2.1")
	})))
	b.server.questions.mostOfClient = 2
	var clients sync.WaitGroup
	for i := range 2 {
		clients.Go(func() { b.expect("udp", fmt.Sprintf("n%d.example.", i), "NOERROR 192.0.2.1") })
	}
	b.await("two questions wait", func() bool { return b.server.questions.taken() == 2 })
	b.expectSilence("udp", "n2.example.", func() bool { return b.server.Counts().Dropped == 1 })
	b.expect("udp", "localhost.", "NOERROR 127.0.0.1")
	other := netip.MustParseAddr("127.0.0.2")
	if !b.server.questions.enter(other) {
		t.Error("another client has no place")
	}
	b.server.questions.leave(other)
	close(release)
	clients.Wait()
	b.await("no place is taken", func() bool { return b.server.questions.taken() == 0 })
	if len(b.server.questions.clients) > 0 {
		t.Errorf("%v are remembered", b.server.questions.clients)
	}
}

// Hosts that the document does not name get nothing, by either protocol.
func TestStrangers(t *testing.T) {
	upstream := upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg { return addressed(q, "192.0.2.1") })
	b := newBed(t, documentOf(upstream))
	closed := documentOf(upstream)
	closed.Listeners[0].Clients = []netip.Prefix{netip.MustParsePrefix("192.168.50.0/24")}
	b.server.Set(closed)
	b.expectSilence("udp", "www.example.", func() bool { return b.server.Counts().Strangers == 1 })
	b.expectSilence("tcp", "www.example.", func() bool { return b.server.Counts().Strangers == 2 })
	b.server.Set(documentOf(upstream))
	b.expect("udp", "www.example.", "NOERROR 192.0.2.1")
}

// A change of the document opens and closes addresses, without closing those that stay.
func TestAddressesFollowTheDocument(t *testing.T) {
	upstream := upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg { return addressed(q, "192.0.2.1") })
	d := documentOf(upstream)
	b := newBed(t, d)
	conn, err := dns.DialTimeout("tcp", b.at, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // The test has ended.
	second := ownLoopback(89)
	both := d
	both.Listeners = append(slices.Clone(d.Listeners), d.Listeners[0])
	both.Listeners[1].Address = second
	b.server.Set(both)
	other := &bed{T: t, server: b.server, at: netip.AddrPortFrom(second, b.server.port).String()}
	b.await("the second address is served", func() bool {
		_, err := other.try("udp", "localhost.", time.Second)
		return err == nil
	})
	if err := conn.WriteMsg(new(dns.Msg).SetQuestion("localhost.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ReadMsg(); err != nil {
		t.Errorf("a change of another address ends a connection: %v", err)
	}
	b.server.Set(d)
	b.await("the second address is no longer served", func() bool {
		_, err := net.DialTimeout("tcp", other.at, time.Second)
		return err != nil
	})
	b.server.Set(document.DNS{})
	b.await("nothing is served", func() bool {
		_, err := net.DialTimeout("tcp", b.at, time.Second)
		return err != nil
	})
}

// An address that another program has is a fault once that has lasted, and is served when it is free.
func TestAnAddressInUseIsReported(t *testing.T) {
	upstream := upstreamOf(t, func(_ string, q *dns.Msg) *dns.Msg { return addressed(q, "192.0.2.1") })
	b := newBed(t, documentOf(upstream))
	second := ownLoopback(90)
	taken, err := net.Listen("tcp", netip.AddrPortFrom(second, b.server.port).String())
	if err != nil {
		t.Fatal(err)
	}
	d := documentOf(upstream)
	d.Listeners[0].Address = second
	b.server.Set(d)
	b.await("the fault is reported", func() bool {
		return strings.Contains(b.server.Fault(), "spec.dns: address "+second.String())
	})
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	b.await("the fault has ended", func() bool { return b.server.Fault() == "" })
}
