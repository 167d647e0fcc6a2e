package conntrack

// ExpectedBy returns the flows that helpers of the masters expected, such as the data connections of FTP.
func ExpectedBy(masters, flows []Flow) (expected []Flow) {
	tuples := make(map[Tuple]bool, len(masters))
	for _, m := range masters {
		tuples[m.Orig] = true
	}
	for _, f := range flows {
		if f.Fields.Has(FieldMaster) && tuples[f.Master] {
			expected = append(expected, f)
		}
	}
	return expected
}
