package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidings/access"
)

// set puts a value, as it stands in a file, the environment or a flag, into the setting.
func (k *key) set(s *Settings, value any) error {
	field := k.to(s)
	var err error
	var v any
	switch f := field.(type) {
	case *bool:
		*f, err = toBool(value)
		v = *f
	case *Switch:
		*f, err = toSwitch(value)
		v = *f
	case *int:
		*f, err = toInt(value)
		v = *f
	case *Size:
		*f, err = toSize(value)
		v = *f
	case *time.Duration:
		*f, err = toDuration(value)
		v = *f
	case *[]string:
		*f, err = toList(value)
		v = *f
	case *string:
		*f, err = toText(value)
		v = *f
	case *access.Allowance:
		*f, err = toAllowance(value)
		v = *f
	case *[]access.Rule:
		list, ok := value.([]access.Rule)
		if !ok {
			return fmt.Errorf("can be set in the file alone")
		}
		*f = list
	case *access.Routing:
		list, ok := value.(access.Routing)
		if !ok {
			return fmt.Errorf("can be set in the file alone")
		}
		*f = list
	}
	if err != nil {
		return err
	}
	if text, ok := v.(string); ok && len(k.choices) > 0 && !slices.Contains(k.choices, text) {
		return fmt.Errorf("must be %s", strings.Join(k.choices, " or "))
	}
	if k.check != nil {
		return k.check(v)
	}
	return nil
}

func toText(value any) (string, error) {
	if v, ok := value.(string); ok {
		return v, nil
	}
	return "", fmt.Errorf("must be a text")
}

// toAllowance reads a text, or a list of its parts.
func toAllowance(value any) (access.Allowance, error) {
	if parts, ok := value.([]any); ok {
		list, err := toList(parts)
		if err != nil {
			return "", err
		}
		for _, part := range list {
			if strings.Contains(part, ",") {
				return "", fmt.Errorf("%q holds a comma: write its parts one by one", part)
			}
		}
		value = strings.Join(list, ",")
	}
	text, err := toText(value)
	if err != nil {
		return "", err
	}
	a := access.Allowance(text)
	return a, a.Validate()
}

func toFloat(value any) (float64, error) {
	switch v := value.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	}
	return 0, fmt.Errorf("must be a number")
}

func toBool(value any) (bool, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		if v == "true" || v == "1" {
			return true, nil
		}
		if v == "false" || v == "0" {
			return false, nil
		}
	}
	return false, fmt.Errorf("must be true or false")
}

func toSwitch(value any) (Switch, error) {
	on, err := toBool(value)
	if on {
		return On, err
	}
	return Off, err
}

func toInt(value any) (int, error) {
	switch v := value.(type) {
	case int:
		return v, nil
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("must be a whole number")
}

func toSize(value any) (Size, error) {
	if n, err := toInt(value); err == nil {
		return Size(n), nil
	}
	text, _ := value.(string)
	for _, unit := range []struct {
		suffix string
		bytes  int
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if number, ok := strings.CutSuffix(text, unit.suffix); ok {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if err == nil && n >= 0 && n <= math.MaxInt/unit.bytes {
				return Size(n * unit.bytes), nil
			}
		}
	}
	return 0, fmt.Errorf("must be a size such as 4194304, 4096KiB or 4MiB")
}

func (s Size) String() string {
	for _, unit := range []struct {
		suffix string
		bytes  Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= unit.bytes && s%unit.bytes == 0 {
			return strconv.Itoa(int(s/unit.bytes)) + unit.suffix
		}
	}
	return strconv.Itoa(int(s))
}

// toDuration refuses numbers without a unit, which one reader takes for seconds and another for milliseconds.
func toDuration(value any) (time.Duration, error) {
	switch v := value.(type) {
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			return d, nil
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return 0, needsUnit(v)
		}
	case int, float64:
		return toDuration(fmt.Sprint(v))
	}
	return 0, fmt.Errorf("must be a time such as 500ms, 30s or 10m")
}

func needsUnit(number string) error {
	return fmt.Errorf("%s has no unit: write %ss, %sms or %sm", number, number, number, number)
}

func toList(value any) ([]string, error) {
	switch v := value.(type) {
	case []string:
		return v, nil
	case string:
		var list []string
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		return list, nil
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			text, err := toText(item)
			if err != nil {
				return nil, fmt.Errorf("must be a list of texts")
			}
			list = append(list, text)
		}
		return list, nil
	}
	return nil, fmt.Errorf("must be a list of texts")
}
