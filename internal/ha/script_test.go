package ha

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the effects of the machine into the scripts")

// TestScripts runs the scripts in testdata. A line without indentation is a command, usually an event. The indented
// lines below it are all the effects of it.
//   - `tick 2s` lets time pass and wakes the unit whenever it requested that. Effects in between have a time stamp.
//   - `stall 600ms` lets time pass while the unit stands still.
//   - With `the host obeys`, effects on the host succeed at once.
//   - With `the peer answers`, each heartbeat is acknowledged at once. With `the peer beats`, a heartbeat arrives at
//     every interval. Neither appears in the script. Nor do the extensions of an open gate that follow from them.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, file, string(text), got)
		})
	}
}

func compare(t *testing.T, file, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		wl, gl := at(w, i), at(g, i)
		if wl != gl {
			t.Fatalf("%s:%d:\nwant %q\ngot  %q\n\nthe script with the actual effects:\n%s", file, i+1, wl, gl, got)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end)"
}

// play runs a script and returns it with the actual effects in place of the expected ones.
func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	s := &scene{out: &out, pending: map[string]uint64{}}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line + "\n")
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if err := s.command(words); err != nil {
			t.Fatalf("line %d: %q: %v\nthe script so far:\n%s", i+1, line, err, out.String())
		}
	}
	return out.String()
}

// scene is the unit of a script, and its surroundings.
type scene struct {
	out     *strings.Builder
	machine Machine
	now     time.Duration
	role    Role
	obeys   bool
	// answers makes the peer acknowledge heartbeats. beats is the term in which the peer is active and sends its own.
	answers bool
	beats   uint64
	beatAt  time.Duration
	beat    uint64
	// pending holds the IDs of effects that were not answered yet.
	pending    map[string]uint64
	wanted     Record
	version    int
	last       Record
	lease      time.Duration
	peerHealth Health
	// stamp prefixes effects with their time during a tick.
	stamp bool
}

func (s *scene) command(words []string) error {
	switch words[0] {
	case "unit":
		return s.unit(words[1:])
	case "the": // the host obeys | the host is stuck | the peer answers | the peer beats in term 2 | the peer is silent
		return s.the(words[1:])
	case "heartbeat": // heartbeat 3 term 2 [fenced]
		f := HeartbeatReceived{From: "peer", Grant: s.machine.config.Grant, Fenced: words[len(words)-1] == "fenced"}
		_, err := fmt.Sscanf(strings.Join(words, " "), "heartbeat %d term %d", &f.Sequence, &f.Term)
		s.happens(f)
		return err
	case "ack": // ack 3 term 2 [not ready]
		f := HeartbeatAcknowledged{From: "peer", Ready: len(words) == 4, Health: s.peerHealth}
		_, err := fmt.Sscanf(strings.Join(words[:4], " "), "ack %d term %d", &f.Sequence, &f.Term)
		s.happens(f)
		return err
	case "links": // links 2 | links of the peer 1
		return s.links(words[1:])
	case "unheld": // unheld 1 | unheld of the peer 0, with both links
		return s.unheld(words[1:])
	case "tick":
		return s.tick(words[1])
	case "stall": // stall 600ms
		d, err := time.ParseDuration(words[1])
		s.now += d
		s.happens(Tick{})
		return err
	case "lease":
		return s.leaseSeen(words[1:])
	case "answer":
		return s.answer(words[1:])
	case "done":
		return s.done(strings.Join(words[1:], " "), nil)
	case "fail":
		what, why, _ := strings.Cut(strings.Join(words[1:], " "), ": ")
		return s.done(what, errors.New(why))
	case "firewall":
		s.happens(FirewallReported{InForce: words[1] == "in"})
	case "peer":
		s.peer(words[1:])
	case "in", "out":
		s.happens(SyncChanged{InSync: words[0] == "in"})
	case "relinquished": // relinquished 2 [after 7]
		f := PeerRelinquished{}
		_, err := fmt.Sscanf(strings.Join(words, " ")+" after 0", "relinquished %d after %d", &f.Term, &f.Sequence)
		s.happens(f)
		return err
	case "stop": // stop within 20s
		d, err := time.ParseDuration(words[2])
		s.happens(StopRequested{Deadline: s.now + d})
		return err
	default:
		return errors.New("no such command")
	}
	return nil
}

// the reads `the host obeys`, `the peer answers` and the like.
func (s *scene) the(words []string) error {
	switch what := strings.Join(words[:2], " "); {
	case words[0] == "host":
		s.obeys = words[1] == "obeys"
	case what == "peer answers":
		s.answers = true
	case what == "peer beats":
		s.beatAt = s.now
		_, err := fmt.Sscanf(strings.Join(words, " "), "peer beats in term %d", &s.beats)
		return err
	case what == "peer is":
		s.answers, s.beats = false, 0
	default:
		return errors.New("no such command")
	}
	return nil
}

// links sets how many of two interfaces have a carrier, on this unit or on the peer.
func (s *scene) links(words []string) error {
	up, err := strconv.Atoi(words[len(words)-1])
	h := Health{Firewall: true, Links: 1<<up - 1}
	if len(words) > 1 {
		s.peerHealth = h
		return err
	}
	s.happens(HealthChanged{Health: h})
	return err
}

// unheld sets on how many networks addresses are missing, on this unit or on the peer. All links have a carrier.
func (s *scene) unheld(words []string) error {
	networks, err := strconv.Atoi(words[len(words)-1])
	h := Health{Firewall: true, Links: 3, Unheld: 1<<networks - 1}
	if len(words) > 1 {
		s.peerHealth = h
		return err
	}
	s.happens(HealthChanged{Health: h})
	return err
}

func (s *scene) peer(words []string) {
	switch words[0] {
	case "connected":
		s.happens(PeerConnected{Incarnation: "peer"})
	case "reconnected":
		s.happens(PeerConnected{Incarnation: "peer-again"})
	default:
		s.happens(PeerDisconnected{})
	}
}

// unit reads the settings: unit primary lease 3s [heartbeat 100ms] [preempt 5s] [keep forwarding].
func (s *scene) unit(words []string) error {
	c := Config{Self: "me", Preferred: words[0] == "primary", Damping: time.Second}
	for i := 1; i+1 < len(words); i += 2 {
		d, err := time.ParseDuration(words[i+1])
		switch words[i] {
		case "lease":
			c.LeaseDuration = d
		case "heartbeat":
			c.HeartbeatInterval, c.MissedHeartbeats, c.Grant = d, 3, d*9/2
		case "preempt":
			c.Preemption = Preemption{Enabled: true, Delay: d}
		case "keep":
			c.Isolation, err = KeepForwarding, nil
		}
		if err != nil {
			return err
		}
	}
	s.lease, s.peerHealth = c.LeaseDuration, Health{Firewall: true}
	s.machine = New(c)
	s.now = time.Second
	s.happens(Tick{})
	return nil
}

// tick lets time pass until the unit wants to be woken, as often as that is within the duration.
func (s *scene) tick(duration string) error {
	d, err := time.ParseDuration(duration)
	if err != nil {
		return err
	}
	end := s.now + d
	s.stamp = true
	for at, fact := s.next(); at <= end; at, fact = s.next() {
		s.now = at
		s.happens(fact)
	}
	s.stamp = false
	s.now = end
	s.happens(Tick{})
	return nil
}

// next returns what happens next without a command, and when: the unit wakes, or the peer's next heartbeat arrives.
func (s *scene) next() (time.Duration, Fact) {
	wake := s.machine.Wake()
	if wake == 0 {
		wake = math.MaxInt64
	}
	if s.beats == 0 || wake < s.beatAt {
		return wake, Tick{}
	}
	at := max(s.beatAt, s.now)
	s.beatAt, s.beat = at+s.machine.config.HeartbeatInterval, s.beat+1
	return at, HeartbeatReceived{
		From: "peer", Term: s.beats, Sequence: s.beat, Grant: s.machine.config.Grant, Health: s.peerHealth,
	}
}

// record reads `free`, `released by X term N`, `held by X term N`, `handed to X by Y term N` and `again`. After it may
// follow `for Z` to name a standby, `paused`, `switchover Z` and `lasting D`.
func (s *scene) record(words []string) (Record, error) {
	r, err := s.recordOf(words)
	for i, w := range words {
		switch w {
		case "for":
			r.Standby = Incarnation(words[i+1])
		case "paused":
			r.Paused = true
		case "switchover": // switchover peer
			r.SwitchoverTo = words[i+1]
		case "lasting":
			if r.Duration, err = time.ParseDuration(words[i+1]); err != nil {
				return r, err
			}
		}
	}
	s.last = r
	return r, err
}

// recordOf reads the first part of a record.
func (s *scene) recordOf(words []string) (Record, error) {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "by" || w == "to" || w == "term" })
	s.version++
	r := Record{Version: "v" + strconv.Itoa(s.version), Duration: s.lease}
	var err error
	switch words[0] {
	case "again":
		s.version--
		return s.last, nil
	case "free":
		r.Duration = 0
	case "released":
		r.Giver = Incarnation(words[1])
		r.Term, err = strconv.ParseUint(words[2], 10, 64)
	case "held":
		r.Holder = Incarnation(words[1])
		r.Term, err = strconv.ParseUint(words[2], 10, 64)
	case "emptied":
		r.Term, err = strconv.ParseUint(words[1], 10, 64)
	case "handed":
		r.Holder, r.Giver = Incarnation(words[1]), Incarnation(words[2])
		r.Term, err = strconv.ParseUint(words[3], 10, 64)
	default:
		return r, errors.New("no such record")
	}
	return r, err
}

func (s *scene) leaseSeen(words []string) error {
	r, err := s.record(words)
	s.happens(LeaseSeen{Record: r})
	return err
}

func (s *scene) answer(words []string) error {
	what := "read lease"
	if _, asked := s.pending[what]; !asked {
		what = "write lease"
	}
	id, asked := s.pending[what]
	if !asked {
		return errors.New("no request to the API server is under way")
	}
	delete(s.pending, what)
	answer := LeaseAnswered{ID: id}
	var err error
	switch words[0] {
	case "read":
		answer.Outcome = Read
		answer.Record, err = s.record(words[1:])
	case "written":
		s.version++
		answer.Outcome, answer.Record = Written, s.wanted
		answer.Record.Version = "v" + strconv.Itoa(s.version)
		s.last = answer.Record
	case "conflict":
		answer.Outcome = Conflict
	case "absent":
		answer.Outcome = Absent
	case "unknown":
		answer.Outcome = Unknown
	default:
		return errors.New("no such answer")
	}
	s.happens(answer)
	return err
}

func (s *scene) done(what string, failure error) error {
	id, asked := s.pending[what]
	if !asked {
		return fmt.Errorf("effect %q is not under way", what)
	}
	delete(s.pending, what)
	s.happens(EffectDone{ID: id, Err: failure})
	return nil
}

// happens takes one step and writes its effects.
func (s *scene) happens(fact Fact) {
	var effects []Effect
	before := s.machine
	s.machine, effects = s.machine.Step(Event{At: s.now, Fact: fact})
	stamp := ""
	if s.stamp {
		stamp = "at " + s.now.String() + ": "
	}
	var host []uint64
	var answers []Fact
	for _, e := range effects {
		if a, isOmitted := s.omitted(before, e); isOmitted {
			answers = append(answers, a...)
			continue
		}
		fmt.Fprintf(s.out, "    %s%s\n", stamp, s.describe(e))
		if id, onHost := s.remember(e); onHost {
			host = append(host, id)
		}
	}
	if r := s.machine.Role(); r != s.role {
		s.role = r
		fmt.Fprintf(s.out, "    %s(now %s)\n", stamp, r)
	}
	if before.Promotion().Finished != s.machine.Promotion().Finished && s.machine.Promotion().Finished {
		fmt.Fprintf(s.out, "    %s(promoted in term %d)\n", stamp, s.machine.Promotion().Term)
	}
	if s.obeys {
		for _, id := range host {
			s.happens(EffectDone{ID: id})
		}
	}
	for _, a := range answers {
		s.happens(a)
	}
}

// omitted reports whether an effect does not appear in the script, and returns its answer. That holds for heartbeats
// that are answered at once, and for answers to a peer that beats by itself.
func (s *scene) omitted(before Machine, e Effect) (answer []Fact, isOmitted bool) {
	switch e := e.(type) {
	case OpenGate:
		if s.answers && s.obeys && before.host.gateOpen && e.Until > before.host.until {
			return []Fact{EffectDone{ID: e.ID}}, true
		}
	case SendHeartbeat:
		if s.answers {
			return []Fact{HeartbeatAcknowledged{
				From: "peer", Term: e.Term, Sequence: e.Sequence, Ready: true, Health: s.peerHealth,
			}}, true
		}
	case AcknowledgeHeartbeat:
		return nil, s.beats != 0
	default:
	}
	return nil, false
}

func (s *scene) describe(e Effect) string {
	switch e := e.(type) {
	case ReadLease:
		return "read lease"
	case WriteLease:
		s.wanted = e.Record
		return "write lease: " + s.describeRecord(e.Record)
	case CommitState:
		return "commit state"
	case Become:
		return fmt.Sprintf("become %s in term %d", e.Role, e.Term)
	case OpenGate:
		return "open gate until " + e.Until.String()
	case CloseGate:
		return "close gate"
	case AttachAddresses:
		return "attach addresses"
	case WithdrawAddresses:
		return "withdraw addresses"
	case Announce:
		return "announce"
	case Verify:
		return "verify"
	case Flush:
		return "flush"
	case Relinquish:
		if e.Sequence != 0 {
			return fmt.Sprintf("relinquish before term %d after %d", e.Term, e.Sequence)
		}
		return fmt.Sprintf("relinquish before term %d", e.Term)
	case SendHeartbeat:
		fenced := ""
		if e.Fenced {
			fenced = ", fenced"
		}
		return fmt.Sprintf("heartbeat %d in term %d%s", e.Sequence, e.Term, fenced)
	case AcknowledgeHeartbeat:
		ready := ""
		if !e.Ready {
			ready = ", not ready"
		}
		return fmt.Sprintf("acknowledge %d in term %d%s", e.Sequence, e.Term, ready)
	case Exit:
		return "exit"
	default:
		return fmt.Sprintf("%T", e)
	}
}

func (s *scene) describeRecord(r Record) string {
	switch {
	case r.Holder == Nobody:
		return fmt.Sprintf("free in term %d on %s, vouched for by %q", r.Term, r.Version, r.Giver)
	case r.Giver != Nobody:
		return fmt.Sprintf("handed to %s in term %d on %s for %s%s", r.Holder, r.Term, r.Version, r.Cause, named(r))
	default:
		return fmt.Sprintf("held by %s in term %d on %s%s%s", r.Holder, r.Term, r.Version, named(r), s.lasting(r))
	}
}

// lasting returns the duration of a record as text, unless it is the unit's own.
func (s *scene) lasting(r Record) string {
	if r.Duration == s.lease {
		return ""
	}
	return ", lasting " + r.Duration.String()
}

func named(r Record) string {
	if r.Standby == Nobody {
		return ""
	}
	return ", paired with " + string(r.Standby)
}

// remember stores the effect's ID for its answer. It returns the ID and whether the effect is on the host.
func (s *scene) remember(e Effect) (id uint64, onHost bool) {
	name := s.describe(e)
	switch e := e.(type) {
	case ReadLease:
		id = e.ID
	case WriteLease:
		id, name = e.ID, "write lease"
	case Flush:
		id = e.ID
	case Relinquish:
		id, name = e.ID, "relinquish"
	case CommitState:
		id, onHost = e.ID, true
	case OpenGate:
		id, name, onHost = e.ID, "open gate", true
	case CloseGate:
		id, onHost = e.ID, true
	case AttachAddresses:
		id, onHost = e.ID, true
	case WithdrawAddresses:
		id, onHost = e.ID, true
	case Announce:
		id, onHost = e.ID, true
	case Verify:
		id, onHost = e.ID, true
	case Become, SendHeartbeat, AcknowledgeHeartbeat, Exit:
		return 0, false
	}
	if !onHost || !s.obeys {
		s.pending[name] = id
	}
	return id, onHost
}
