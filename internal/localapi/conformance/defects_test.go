package conformance_test

// The files of the provider in Go that defects change, from the folder of this test.
const (
	program = providers + "/tickets/main.go"
	mirror  = "../client/mirror.go"
	follow  = "../client/follow.go"
	request = "../client/client.go"
)

// edit is a change of a text in a file.
type edit struct{ file, correct, defective string }

// defect is a change of the Go provider that breaks the contract, and the script that must find it.
type defect struct {
	name    string
	foundBy string
	edits   []edit
}

const (
	fails    = "; err != nil {\n\t\treturn err\n\t}"
	put      = "if _, err := m.client.Put(ctx, m.config.Class, e, m.term, m.config.Durable)" + fails
	remove   = "if _, err := m.client.Delete(ctx, m.config.Class, key, m.term, m.config.Durable)" + fails
	become   = "\n\tm.role, m.term, m.isOwner = role, term, role == localapi.Active\n}\n\nfunc (m *Mirror) handled"
	handled  = "\n}\n\nfunc (m *Mirror) handled"
	listed   = "for _, e := range entries {\n\t\tm.entries[e.Key] = e.Value"
	isBack   = "if m.isOwner && role == m.role && term == m.term {"
	reports  = "Handled: m.handled,"
	isFailed = "response.StatusCode < http.StatusBadRequest"
)

func defects() []defect {
	one := func(name, foundBy, file, correct, defective string) defect {
		return defect{name, foundBy, []edit{{file, correct, defective}}}
	}
	return []defect{
		one("promises before the answer", "slow-acknowledgement", mirror, put,
			"go m.client.Put(ctx, m.config.Class, e, m.term, m.config.Durable)"),
		one("ends before the answer", "slow-acknowledgement", mirror, remove,
			"go m.client.Delete(ctx, m.config.Class, key, m.term, m.config.Durable)"),
		one("asks for no acknowledgement of the peer", "promise", program, ", Durable: 250 * time.Millisecond", ""),
		one("writes on the standby", "standby", mirror, "if !m.isOwner {", "if false {"),
		one("publishes values that break their schema", "promise", program, `{"issued":%q}`, `{"issued":[%q]}`),
		one("keeps deciding on the standby", "relapse", mirror, become,
			"\n\tm.role, m.term, m.isOwner = role, term, true"+handled),
		one("keeps the old term", "takeover", mirror, become,
			"\n\tm.role, m.isOwner = role, role == localapi.Active"+handled),
		one("takes a refusal for success", "full", request, isFailed, "response.StatusCode < 600"),
		one("takes a stale term for success", "term-change", request, isFailed, "response.StatusCode < 500"),
		one("repeats without end", "refused-entry", mirror, put,
			"for {\n\tif _, err := m.client.Put(ctx, m.config.Class, e, m.term, m.config.Durable); err == nil { break }\n}"),
		one("does not take entries of the peer", "takeover", mirror, listed, "for _, e := range entries {\n_ = e"),
		one("revives what the peer has ended", "relapse", mirror,
			"case e.Type == localapi.Delete:\n\t\tdelete(m.entries, e.Key)",
			"case e.Type == localapi.Delete:"),
		one("replaces before it has listed", "killed", mirror, isBack,
			"if role == localapi.Active {\nm.role, m.term, m.isOwner = role, term, true"),
		one("does not report what it has", "held", mirror, reports, ""),
		one("fails on unknown events", "unknown", follow,
			"default: // Ping, and what later versions add", "default: panic(e.Type)"),
		one("drops unknown fields", "unknown", mirror, become, `
			m.role, m.term, m.isOwner = role, term, role == localapi.Active
			for key := range m.entries { m.entries[key] = json.RawMessage("{}") }
			if m.isOwner { _ = m.client.Replace(context.Background(), m.config.Class, m.all(), term) }`+handled),
		one("does not reconnect", "socket-vanishes", follow, "if !backoff.Sleep(ctx, retryPause) {",
			"<-ctx.Done()\nif !backoff.Sleep(ctx, retryPause) {"),
		one("does not replace after it has reconnected", "socket-vanishes", mirror,
			"m.client.Replace(ctx, m.config.Class, m.all(), m.term)", "error(nil)"),
		one("adds instead of replacing", "socket-vanishes", request, `query.Set("replace", "true")`, ""),
		one("has room for 10,000 entries", "flood", mirror, listed, listed+`
			if len(m.entries) > 10_000 { panic("full") }`),
		one("does not end", "end", program, "tickets.Run(ctx)", "tickets.Run(context.WithoutCancel(ctx))"),
		one("ends when a handover is announced", "handover-soon", mirror, reports,
			reports+` HandoverSoon: func() { panic("a handover") },`),
		one("never decides again after an announced handover", "handover-soon", mirror, reports,
			reports+" HandoverSoon: func() { m.mu.Lock(); defer m.mu.Unlock(); m.isOwner = false },"),
		{
			"gives up its answers when a handover is announced", "handover-soon", []edit{
				{mirror, "// Errors of a mirror.", "var giveUp atomic.Pointer[context.CancelFunc]\n"},
				{mirror, "\t\"sync\"\n", "\t\"sync\"\n\t\"sync/atomic\"\n"},
				{mirror, "\tctx = context.WithoutCancel(ctx)\n\te := Entry", "\tctx, cancel := context.WithCancel(ctx)\n" +
					"\tgiveUp.Store(&cancel)\n\te := Entry"},
				{mirror, reports, reports + " HandoverSoon: func() { if c := giveUp.Load(); c != nil { (*c)() } },"},
			},
		},
	}
}
