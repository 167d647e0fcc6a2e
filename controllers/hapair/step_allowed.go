package hapair

import "context"

// checkAllowed keeps units from being created with what the administrator does not let pairs refer to. Running units
// stay, so that a stricter operator interrupts no traffic.
func (r *Reconciler) checkAllowed(_ context.Context, s *scope) error {
	for _, refused := range r.Allowed.Check(s.pair) {
		s.block(blocker{kind: blockerPrerequisite, message: refused.Error()})
	}
	return nil
}
