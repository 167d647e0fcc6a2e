package bounded

// Put stores a value in a map of at most limit keys, and reports whether it did. A key that the map has always gets the
// new value: at the bound, an old value would be worse than none.
func Put[K comparable, V any](m map[K]V, limit int, key K, value V) bool {
	if _, isKnown := m[key]; !isKnown && len(m) >= limit {
		return false
	}
	m[key] = value
	return true
}
