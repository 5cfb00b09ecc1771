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
	t.answer(r, []byte(`{"serverInfo":{"kuzzle":{"version":"`+spokenVersion+`","implementation":"tidings","api":{"routes":`+string(t.lang.public)+`},"plugins":{}},"services":{}}}`))
	return nil
}

// publicAPI is server:publicApi, by which the SDK over HTTP finds the URLs.
func (t *talk) publicAPI(r *request) *fault {
	t.answer(r, t.lang.public)
	return nil
}

// adminExists is server:adminExists: a server has an operator.
func (t *talk) adminExists(r *request) *fault {
	t.answer(r, []byte(`{"exists":true}`))
	return nil
}
