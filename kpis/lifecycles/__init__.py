"""Life cycles: for each kind of entity a pure reducer from events to contributions and facts.

`step(state, event, add)` changes the state and adds the contributions of that step; adding the steps of a whole log in its order
gives the contributions of the entity. So one step, and taking everything back and replaying, are the same function.
"""
