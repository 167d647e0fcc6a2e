package resources

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/internal/contract"
)

// hashLength is in hexadecimal digits: 64 bits, enough to tell two templates of one pod apart.
const hashLength = 16

// templateHash stands for all that a pod cannot take while it runs. encoding/json sorts the keys of maps, so that equal
// templates have equal bytes.
func templateHash(pod *corev1ac.PodApplyConfiguration, told contract.Settings) (string, error) {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(pod); err != nil {
		return "", fmt.Errorf("hashing the template of pod %s: %w", *pod.Name, err)
	}
	encoded, err := encode(told.Fixed())
	if err != nil {
		return "", fmt.Errorf("hashing the settings of pod %s: %w", *pod.Name, err)
	}
	hash.Write(encoded)
	return hex.EncodeToString(hash.Sum(nil))[:hashLength], nil
}

// SettingsHash stands for all of the settings.
func SettingsHash(encoded []byte) string {
	hash := sha256.Sum256(encoded)
	return hex.EncodeToString(hash[:])[:hashLength]
}
