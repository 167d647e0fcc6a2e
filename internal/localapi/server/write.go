package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/localapi"
)

// readBody reads a body of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, *localapi.Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, localapi.NewProblem(localapi.TooLarge, "the body is larger than %d bytes", limit).In("body")
	case err != nil:
		return nil, localapi.NewProblem(localapi.Invalid, "the body cannot be read: %v", err).In("body")
	}
	return body, nil
}

// putEntry writes one entry.
func (s *Server) putEntry(w http.ResponseWriter, r *request) *localapi.Problem {
	life, problem := r.life()
	if problem != nil {
		return problem
	}
	key, problem := r.class.key(r.PathValue("key"))
	if problem != nil {
		return problem
	}
	entry, problem := r.class.entry(key, r.body, life)
	if problem != nil {
		return problem
	}
	change := table.Change{Entry: entry}
	return s.write(w, r, table.Batch{Changes: []table.Change{change}})
}

// deleteEntry deletes one entry.
func (s *Server) deleteEntry(w http.ResponseWriter, r *request) *localapi.Problem {
	key, problem := r.class.key(r.PathValue("key"))
	if problem != nil {
		return problem
	}
	change := table.Change{Entry: table.Entry{Key: key}, Deleted: true}
	return s.write(w, r, table.Batch{Changes: []table.Change{change}})
}

// entry returns an entry that may be written. Its key is one in the table of the class.
func (c class) entry(key string, value []byte, life time.Duration) (table.Entry, *localapi.Problem) {
	compact, problem := localapi.CompactValue(value)
	if problem != nil {
		return table.Entry{}, problem
	}
	if problem := c.schemas.Check(c.name, strings.TrimPrefix(key, c.prefix), compact); problem != nil {
		return table.Entry{}, problem
	}
	return table.Entry{Key: key, Value: compact, Life: life}, nil
}

// key returns a key in the table of the class.
func (c class) key(key string) (string, *localapi.Problem) {
	if problem := localapi.CheckKey(key); problem != nil {
		return "", problem
	}
	if limit := table.MaxKey - len(c.prefix); len(key) > limit {
		return "", localapi.NewProblem(localapi.TooLarge, "the key has %d bytes, at most %d are allowed in class %s",
			len(key), limit, c.name).In("key")
	}
	if c.kernel != nil && !c.mayUse(c.kernel.ObjectOf(key)) {
		return "", localapi.NewProblem(localapi.NotGranted, "the provider may not use address object %q; add it to "+
			"addressObjects of the provider in spec.providers of the HAPair", c.kernel.ObjectOf(key)).In("key")
	}
	return c.prefix + key, nil
}

// writeBatch writes the lines of a body.
func (s *Server) writeBatch(w http.ResponseWriter, r *request) *localapi.Problem {
	batch := table.Batch{Replace: r.query["replace"] == "true"}
	for number, line := range bytes.Split(r.body, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		change, problem := r.class.parseLine(line)
		if problem != nil {
			return problem.In(fmt.Sprintf("[%d].", number))
		}
		batch.Changes = append(batch.Changes, change)
	}
	return s.write(w, r, batch)
}

// parseLine reads a line of a batch.
func (c class) parseLine(line []byte) (table.Change, *localapi.Problem) {
	var event localapi.Event
	if err := json.Unmarshal(line, &event); err != nil {
		return table.Change{}, localapi.NewProblem(localapi.Invalid, "the line is not an event: %v", err).In("line")
	}
	key, problem := c.key(event.Key)
	if problem != nil {
		return table.Change{}, problem
	}
	switch event.Type {
	case localapi.Put:
		life, problem := localapi.Life(event.Life)
		if problem != nil {
			return table.Change{}, problem
		}
		entry, problem := c.entry(key, event.Value, life)
		return table.Change{Entry: entry}, problem
	case localapi.Delete:
		return table.Change{Entry: table.Entry{Key: key}, Deleted: true}, nil
	default:
		return table.Change{}, localapi.NewProblem(localapi.Invalid, "%q is neither %s nor %s", event.Type, localapi.Put,
			localapi.Delete).In("type")
	}
}

// write writes a batch if the unit is active in the term of the request, and waits for the standby if that was asked.
func (s *Server) write(w http.ResponseWriter, r *request, b table.Batch) *localapi.Problem {
	wait, problem := r.durable()
	if problem != nil {
		return problem
	}
	if problem := s.checkTerm(r.integer("term")); problem != nil {
		return problem
	}
	b.Prefix, b.Quota = r.class.prefix, r.class.quota
	revision, err := r.class.update(b)
	var quota *table.QuotaError
	switch {
	case errors.As(err, &quota):
		return r.full(quota)
	case errors.Is(err, table.ErrFull):
		return localapi.NewProblem(localapi.Full, "%v", err)
	case errors.Is(err, table.ErrTooLarge):
		return localapi.NewProblem(localapi.TooLarge, "%v", err)
	case errors.Is(err, errKernel):
		return localapi.NewProblem(localapi.Busy, "%v; try again later", err)
	case err != nil:
		return localapi.NewProblem(localapi.Invalid, "%v", err)
	}
	s.held.wrote(r.heldBy(), revision)
	writeJSON(w, localapi.Written{Revision: revision, Durable: wait > 0 && s.isFlushed(r.Context(), r.class, wait)})
	return nil
}

// full returns the problem of a class that has used up its quota.
func (r *request) full(e *table.QuotaError) *localapi.Problem {
	field := "mebibytes"
	if e.Wanted.Entries > e.Quota.Entries {
		field = "entries"
	}
	return localapi.NewProblem(localapi.Full, "class %s is full: %v; delete entries, or raise %s of its quota in "+
		"spec.providers of the HAPair", r.class.name, e, field).
		In(fmt.Sprintf("spec.providers[%s].quotas[%s].%s", r.provider.Name, r.class.name, field))
}

// checkTerm returns a problem if the unit is not active in a term.
func (s *Server) checkTerm(term uint64) *localapi.Problem {
	now := s.board.now()
	switch {
	case now.role != localapi.Active:
		return localapi.NewProblem(localapi.NotActive, "the unit is %s, and only an active may write; follow the role",
			now.role)
	case now.term != term:
		return localapi.NewProblem(localapi.StaleTerm, "the write is of term %d, and the unit is active in term %d; "+
			"read the class again", term, now.term).In("term")
	}
	return nil
}

// isFlushed waits until the standby has every change of a class, and reports whether it has.
func (s *Server) isFlushed(ctx context.Context, c class, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := s.config.Flush(ctx, c.id)
	if err != nil {
		s.config.Log.V(1).Info("Answering a write that is not durable", "class", c.name, "reason", err.Error())
	}
	return err == nil
}
