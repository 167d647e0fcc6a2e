package hapair

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// notice is one kind of Event that the operator records about a pair. Each reports something that happened once.
type notice struct {
	kind, reason, action string
}

// Events about what the operator did.
var (
	noticeUnitCreated  = notice{corev1.EventTypeNormal, "UnitCreated", "Create"}
	noticeUnitReplaced = notice{corev1.EventTypeNormal, "UnitReplaced", "Replace"}
	noticeUnitEnded    = notice{corev1.EventTypeWarning, "UnitEnded", "Remove"}
	noticeUnitLost     = notice{corev1.EventTypeWarning, "UnitLost", "Remove"}

	noticeAuthorityExchanged   = notice{corev1.EventTypeNormal, "AuthorityExchanged", "Renew"}
	noticeCertificateExchanged = notice{corev1.EventTypeNormal, "CertificateExchanged", "Renew"}
)

// Events about what the operator observed.
var (
	noticeActiveChanged        = notice{corev1.EventTypeNormal, "ActiveChanged", "Observe"}
	noticeActiveLost           = notice{corev1.EventTypeWarning, "ActiveLost", "Observe"}
	noticeRedundancyRestored   = notice{corev1.EventTypeNormal, "RedundancyRestored", "Observe"}
	noticeRedundancyLost       = notice{corev1.EventTypeWarning, "RedundancyLost", "Observe"}
	noticeSynchronized         = notice{corev1.EventTypeNormal, "Synchronized", "Observe"}
	noticeSynchronizationLost  = notice{corev1.EventTypeWarning, "SynchronizationLost", "Observe"}
	noticeConfigurationApplied = notice{corev1.EventTypeNormal, "ConfigurationApplied", "Observe"}
	noticeConfigurationRefused = notice{corev1.EventTypeWarning, "ConfigurationRefused", "Validate"}
	noticeBlocked              = notice{corev1.EventTypeWarning, "Blocked", "Reconcile"}
	noticeDeadlineExceeded     = notice{corev1.EventTypeWarning, "ProgressDeadlineExceeded", "Observe"}
	noticeSwitchoverAwaited    = notice{corev1.EventTypeNormal, "SwitchoverAwaited", "Replace"}
	noticeSwitchoverRefused    = notice{corev1.EventTypeWarning, "SwitchoverRefused", "Validate"}
	noticeConflict             = notice{corev1.EventTypeWarning, "AddressConflict", "Observe"}
	noticeConflictGone         = notice{corev1.EventTypeNormal, "AddressConflictGone", "Observe"}
)

// Events about a completed change of the active unit. The cause decides whether it was planned.
var (
	noticeSwitchover = notice{corev1.EventTypeNormal, "SwitchoverCompleted", "Observe"}
	noticeFailover   = notice{corev1.EventTypeWarning, "FailoverCompleted", "Observe"}
)

// maxNote is the largest note of an Event that the API server admits, in bytes.
const maxNote = 1024

// record records an Event about the pair. The recorder counts an Event as a repetition of an earlier one of the same
// kind, unless the two are related to different objects.
func (r *Reconciler) record(pair *v1alpha1.HAPair, related runtime.Object, n notice, format string, args ...any) {
	r.Events.Eventf(pair, related, n.kind, n.reason, n.action, "%s", shorten(fmt.Sprintf(format, args...), maxNote))
}
