package resources

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/internal/contract"
)

// hashLength is the length of a hash in hexadecimal digits. 64 bits are enough to distinguish the templates of one pod.
const hashLength = 16

// templateHash returns the hash of everything that needs a new pod when it changes. Equal templates have equal hashes,
// since encoding/json sorts the keys of maps.
func templateHash(pod *corev1ac.PodApplyConfiguration, settings contract.Settings) (string, error) {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(pod); err != nil {
		return "", fmt.Errorf("hashing the template of pod %s: %w", *pod.Name, err)
	}
	encoded, err := encode(settings.Fixed())
	if err != nil {
		return "", fmt.Errorf("hashing the settings of pod %s: %w", *pod.Name, err)
	}
	hash.Write(encoded)
	return hex.EncodeToString(hash.Sum(nil))[:hashLength], nil
}

// SettingsHash returns the hash of all settings.
func SettingsHash(encoded []byte) string {
	hash := sha256.Sum256(encoded)
	return hex.EncodeToString(hash[:])[:hashLength]
}
