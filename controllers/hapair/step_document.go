package hapair

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// defaultDocumentKey is the API's default, for a pair that was stored without defaulting.
const defaultDocumentKey = "firewall.yaml"

// resolveDocument finds and validates the firewall's document. Only a valid one reaches the units; while there is none,
// they keep the last valid one.
func (r *Reconciler) resolveDocument(ctx context.Context, s *scope) error {
	source, text, missing, err := r.documentText(ctx, s.pair)
	if err != nil {
		return err
	}
	if missing != "" {
		return r.keepDocument(ctx, s, blocker{kind: blockerMissingDocument, message: missing})
	}
	valid, err := validDocument(text, s.pair.Spec.Networks)
	if err != nil {
		return r.keepDocument(ctx, s, blocker{kind: blockerInvalidDocument, message: fmt.Sprintf("%s: %v", source, err)})
	}
	s.document = valid
	return nil
}

// documentText returns the document as the user wrote it, and the place where a person finds it. If there is none,
// missing describes what does not exist.
func (r *Reconciler) documentText(
	ctx context.Context, pair *v1alpha1.HAPair,
) (source string, text []byte, missing string, _ error) {
	configuration := pair.Spec.Firewall.Configuration
	if configuration.Inline != nil {
		return "spec.firewall.configuration.inline", configuration.Inline.Raw, "", nil
	}
	reference := configuration.ConfigMapRef
	if reference == nil {
		return "", nil, "spec.firewall.configuration has neither inline nor configMapRef; set one of them", nil
	}
	key := cmp.Or(reference.Key, defaultDocumentKey)
	written := &corev1.ConfigMap{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: pair.Namespace, Name: reference.Name}, written)
	switch {
	case apierrors.IsNotFound(err):
		missing = fmt.Sprintf("ConfigMap %s does not exist in namespace %s; create it with the document in key %s",
			reference.Name, pair.Namespace, key)
		return "", nil, missing, nil
	case err != nil:
		return "", nil, "", fmt.Errorf("reading ConfigMap %s: %w", reference.Name, err)
	}
	source = fmt.Sprintf("ConfigMap %s, key %s", reference.Name, key)
	if content, ok := written.Data[key]; ok {
		return source, []byte(content), "", nil
	}
	if content, ok := written.BinaryData[key]; ok {
		return source, content, "", nil
	}
	missing = fmt.Sprintf("ConfigMap %s has no key %s; add it, or name another in "+
		"spec.firewall.configuration.configMapRef.key", reference.Name, key)
	return "", nil, missing, nil
}

// validDocument parses a document strictly, validates it for units with these networks and returns its canonical form.
func validDocument(text []byte, networks []v1alpha1.NetworkSpec) ([]byte, error) {
	parsed, err := document.Parse(text)
	if err != nil {
		return nil, err
	}
	interfaces := make([]string, 0, len(networks))
	for _, network := range networks {
		interfaces = append(interfaces, network.Name)
	}
	if err := parsed.Validate(interfaces); err != nil {
		return nil, err
	}
	return parsed.JSON(), nil
}

// keepDocument keeps the last valid document in force and records why.
func (r *Reconciler) keepDocument(ctx context.Context, s *scope, b blocker) error {
	last, err := r.lastWritten(ctx, s.pair, resources.FirewallConfigMapName(s.pair.Name), resources.KeyFirewall)
	if err != nil {
		return err
	}
	s.document = last
	b.fatal = last == nil
	s.block(b)
	return nil
}
