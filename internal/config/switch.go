package config

// Switch is a setting that is on or off, and whose default depends on dev.
type Switch uint8

// The states of a Switch. Unset is what a setting has that nobody set, until the settings are completed.
const (
	Unset Switch = iota
	Off
	On
)

// String returns the switch as it is written in tidings.yaml.
func (s Switch) String() string { return [...]string{"", "false", "true"}[s] }

// otherwise returns s, or what it is if nobody set it.
func (s Switch) otherwise(unset Switch) Switch {
	if s == Unset {
		return unset
	}
	return s
}
