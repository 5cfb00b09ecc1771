package kuzzle

import "strconv"

// spokenVersion is the version of Kuzzle whose API this is.
const spokenVersion = "2.56.0"

// now is server:now.
func (t *talk) now(r *request) *fault {
	t.answer(r, append(strconv.AppendInt([]byte(`{"now":`), nowMS(), 10), '}'))
	return nil
}

// info is server:info. What an operator may not want to show, such as versions of what runs here, is not in it.
func (t *talk) info(r *request) *fault {
	t.answer(r, []byte(`{"serverInfo":{"kuzzle":{"version":"`+spokenVersion+`","implementation":"tidings","api":{"routes":{}},"plugins":{}},"services":{}}}`))
	return nil
}

// adminExists is server:adminExists: a server has an operator.
func (t *talk) adminExists(r *request) *fault {
	t.answer(r, []byte(`{"exists":true}`))
	return nil
}
