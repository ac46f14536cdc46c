"""A classroom on one key: a LiteLLM proxy whose students have tokens and budgets, and never the key.

`python -m glm_magics.gateway class.toml` starts it. `roster` is the file that says who may do what, `tokens`
the students' tokens, `desk` the money, `body` what a request may hold, `hooks` what LiteLLM calls, `front`
what stands before LiteLLM and lets three addresses through.
"""
