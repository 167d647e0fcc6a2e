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

// defaultDocumentKey is that of the API, for a pair that came past its defaulting.
const defaultDocumentKey = "firewall.yaml"

// resolveDocument finds the firewall's document and judges it. Only a good one reaches the units; while there is none,
// that is the last good one.
func (r *Reconciler) resolveDocument(ctx context.Context, s *scope) error {
	source, text, missing, err := r.documentText(ctx, s.pair)
	if err != nil {
		return err
	}
	if missing != "" {
		return r.keepDocument(ctx, s, lack{kind: lackDocument, message: missing})
	}
	judged, err := judgeDocument(text, s.pair.Spec.Networks)
	if err != nil {
		return r.keepDocument(ctx, s, lack{kind: lackValidDocument, message: fmt.Sprintf("%s: %v", source, err)})
	}
	s.document = judged
	return nil
}

// documentText is the document as it was written, with the place where a person finds it; missing says what does not
// exist.
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

// judgeDocument reads a document strictly, for units with these networks, and writes it in its canonical form.
func judgeDocument(text []byte, networks []v1alpha1.NetworkSpec) ([]byte, error) {
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

func (r *Reconciler) keepDocument(ctx context.Context, s *scope, l lack) error {
	last, err := r.lastGood(ctx, s.pair, resources.FirewallConfigMapName(s.pair.Name), resources.KeyFirewall)
	if err != nil {
		return err
	}
	s.document = last
	l.fatal = last == nil
	s.note(l)
	return nil
}
